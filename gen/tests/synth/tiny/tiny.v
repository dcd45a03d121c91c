// SPDX-License-Identifier: MIT OR Apache-2.0
// Smallest circuit with the ports of a network: 256 pixels against eight rows of ternary weights, the greatest wins.
`default_nettype none
module tiny (
    input  wire       clk,            // the clock
    input  wire       rst,            // synchronous reset
    input  wire [7:0] s_axis_tdata,   // one pixel
    input  wire       s_axis_tvalid,  // pixel offered
    output wire       s_axis_tready,  // pixel taken
    input  wire       s_axis_tlast,   // last pixel of the frame
    output wire [7:0] m_axis_tdata,   // the class
    output wire       m_axis_tvalid,  // class offered
    input  wire       m_axis_tready,  // class taken
    output wire       m_axis_tlast,   // always: one beat a frame
    output wire       frame_error     // tlast came at the wrong beat
);

    wire         fc1_valid;
    wire         fc1_ready;
    wire [127:0] fc1_data;
    wire [2:0]   class_data;

    tiny_dense u_fc1 (
        .clk(clk),
        .rst(rst),
        .in_valid(s_axis_tvalid),
        .in_ready(s_axis_tready),
        .in_last(s_axis_tlast),
        .in_data(s_axis_tdata),
        .out_valid(fc1_valid),
        .out_ready(fc1_ready),
        .out_data(fc1_data),
        .frame_error(frame_error)
    );

    tiny_argmax u_class (
        .clk(clk),
        .rst(rst),
        .in_valid(fc1_valid),
        .in_ready(fc1_ready),
        .in_data(fc1_data),
        .out_valid(m_axis_tvalid),
        .out_ready(m_axis_tready),
        .out_data(class_data)
    );

    assign m_axis_tdata = {5'd0, class_data};
    assign m_axis_tlast = 1'b1;

endmodule
`default_nettype wire
