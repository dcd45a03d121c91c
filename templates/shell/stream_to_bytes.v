// SPDX-License-Identifier: MIT OR Apache-2.0
// Takes beats apart into bytes, the lowest bits first.
`default_nettype none

module stream_to_bytes #(
    parameter BYTES = 1                   // bytes of a beat
) (
    input  wire               clk,        // clock
    input  wire               rst,        // synchronous reset
    input  wire               s_valid,    // beat offered
    output wire               s_ready,    // beat taken
    input  wire [8*BYTES-1:0] s_data,     // beat
    output wire               m_valid,    // byte offered
    input  wire               m_ready,    // byte taken
    output wire [        7:0] m_data      // byte
);

  localparam BITS = $clog2(BYTES + 1);

  reg [     BITS-1:0] left_q;
  reg [8*BYTES-1:0] beat_q;

  assign s_ready = left_q == {BITS{1'b0}};
  assign m_valid = !s_ready;
  assign m_data  = beat_q[7:0];

  always @(posedge clk) begin
    if (s_ready) begin
      beat_q <= s_data;
      if (s_valid) left_q <= BYTES[BITS-1:0];
    end else if (m_ready) begin
      beat_q <= beat_q >> 8;
      left_q <= left_q - 1'b1;
    end
    if (rst) left_q <= {BITS{1'b0}};
  end

endmodule

`default_nettype wire
