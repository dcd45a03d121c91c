// SPDX-License-Identifier: MIT OR Apache-2.0
// Stands in for the leaf of its name: loses or repeats one beat of the buffers whose width fault.hex names.
`default_nettype none

module skid_buffer #(
    parameter WIDTH = 8                    // bits of one beat
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire             s_valid,       // input beat offered
    output wire             s_ready,       // input beat accepted
    input  wire [WIDTH-1:0] s_data,        // input beat
    output wire             m_valid,       // output beat offered
    input  wire             m_ready,       // output beat accepted
    output wire [WIDTH-1:0] m_data         // output beat
);

  localparam LOSE = 1, REPEAT = 2, BEAT = 41;

  reg [15:0] fault [0:1];                  // what to do, and to which width
  initial $readmemh("./fault.hex", fault);
  wire       here = {16'd0, fault[1]} == WIDTH;

  reg [15:0] taken_q, given_q;             // beats since reset
  reg        again_q;                      // the repeated beat was given once
  wire       lose  = here && fault[0] == LOSE && taken_q == BEAT;
  wire       again = here && fault[0] == REPEAT && given_q == BEAT && !again_q;

  skid_buffer_right #(.WIDTH(WIDTH)) u_right (
      .clk(clk), .rst(rst),
      .s_valid(s_valid && !lose), .s_ready(s_ready), .s_data(s_data),
      .m_valid(m_valid), .m_ready(m_ready && !again), .m_data(m_data)
  );

  always @(posedge clk) begin
    if (s_valid && s_ready) taken_q <= taken_q + 1;
    if (m_valid && m_ready) begin
      again_q <= again;
      if (!again) given_q <= given_q + 1;
    end
    if (rst) begin
      taken_q <= 0;
      given_q <= 0;
      again_q <= 0;
    end
  end

endmodule

`default_nettype wire
