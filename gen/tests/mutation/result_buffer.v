// SPDX-License-Identifier: MIT OR Apache-2.0
// Stands in for the leaf of its name: loses or repeats one beat of the buffers whose width fault.hex names.
`default_nettype none

module result_buffer #(
    parameter WIDTH  = 8,                  // bits of one result
    parameter PLACES = 2                   // results
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire             s_valid,       // a result comes
    input  wire [WIDTH-1:0] s_data,        // the result
    output wire             freed,         // a result leaves
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
  reg        lost_q;                       // the place of the lost one is still to be freed
  wire       left;
  wire       lose  = here && fault[0] == LOSE && taken_q == BEAT;
  wire       again = here && fault[0] == REPEAT && given_q == BEAT && !again_q;

  assign freed = left || lost_q;

  result_buffer_right #(.WIDTH(WIDTH), .PLACES(PLACES)) u_right (
      .clk(clk), .rst(rst),
      .s_valid(s_valid && !lose), .s_data(s_data), .freed(left),
      .m_valid(m_valid), .m_ready(m_ready && !again), .m_data(m_data)
  );

  always @(posedge clk) begin
    if (s_valid) taken_q <= taken_q + 1;
    if (!left) lost_q <= 1'b0;
    if (s_valid && lose) lost_q <= 1'b1;
    if (m_valid && m_ready) begin
      again_q <= again;
      if (!again) given_q <= given_q + 1;
    end
    if (rst) begin
      taken_q <= 0;
      given_q <= 0;
      again_q <= 0;
      lost_q  <= 0;
    end
  end

endmodule

`default_nettype wire
