// SPDX-License-Identifier: MIT OR Apache-2.0
// Eight sums of 256 unsigned pixels times ternary weights.
`default_nettype none
`ifndef NETETCH_ROM_DIR
`define NETETCH_ROM_DIR "."
`endif
module tiny_dense (
    input  wire         clk,          // the clock
    input  wire         rst,          // synchronous reset
    input  wire         in_valid,     // pixel offered
    output wire         in_ready,     // pixel taken
    input  wire         in_last,      // last pixel of the frame
    input  wire [7:0]   in_data,      // one pixel
    output reg          out_valid,    // sums offered
    input  wire         out_ready,    // sums taken
    output reg  [127:0] out_data,     // eight signed sums
    output reg          frame_error   // tlast came at the wrong beat
);

    reg [15:0] rom [0:255];
    initial $readmemh({`NETETCH_ROM_DIR, "/fc1_weights.hex"}, rom);  // words of eight two-bit codes

    reg [7:0]  index_q;
    reg [15:0] word_q;
    reg [15:0] codes_q;
    reg [7:0]  fetched_q, pixel_q;
    reg        fetched_valid_q, pixel_valid_q;
    reg        fetched_first_q, pixel_first_q;
    reg        fetched_last_q, pixel_last_q;

    wire step = !out_valid || out_ready;
    assign in_ready = step;

    always @(posedge clk) begin
        if (step) begin
            word_q  <= rom[index_q];
            codes_q <= word_q;
        end
    end

    integer lane;
    reg [15:0] term;
    always @(posedge clk) begin
        if (step) begin
            fetched_q       <= in_data;
            fetched_valid_q <= in_valid;
            fetched_first_q <= index_q == 8'd0;
            fetched_last_q  <= index_q == 8'd255;
            pixel_q         <= fetched_q;
            pixel_valid_q   <= fetched_valid_q;
            pixel_first_q   <= fetched_first_q;
            pixel_last_q    <= fetched_last_q;
            out_valid       <= pixel_valid_q && pixel_last_q;
            if (in_valid) begin
                index_q     <= index_q + 8'd1;
                frame_error <= frame_error || in_last != (index_q == 8'd255);
            end
            if (pixel_valid_q)
                for (lane = 0; lane < 8; lane = lane + 1) begin
                    term = codes_q[2 * lane] ? {8'd0, pixel_q} ^ {16{codes_q[2 * lane + 1]}} : 16'd0;
                    out_data[16 * lane +: 16] <= (pixel_first_q ? 16'd0 : out_data[16 * lane +: 16]) + term
                        + {15'd0, codes_q[2 * lane + 1]};
                end
        end
        if (rst) begin
            index_q         <= 8'd0;
            fetched_valid_q <= 1'b0;
            pixel_valid_q   <= 1'b0;
            out_valid       <= 1'b0;
            frame_error     <= 1'b0;
        end
    end

endmodule
`default_nettype wire
