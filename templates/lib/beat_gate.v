// SPDX-License-Identifier: MIT OR Apache-2.0
// Lets a beat into a pipeline that never stalls only when there is a place for its result. Combinational path, latency 0.
`default_nettype none

module beat_gate #(
    parameter WIDTH  = 8,                  // bits of one beat
    parameter PLACES = 2                   // results that may be under way at once
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire             s_valid,       // input beat offered
    output wire             s_ready,       // input beat accepted; straight from a register
    input  wire [WIDTH-1:0] s_data,        // input beat
    input  wire             freed,         // a result left: its place may be used again
    output wire             m_valid,       // output beat
    output wire [WIDTH-1:0] m_data         // output beat
);

  wire unused_next;
  wire unused_last;

  assign m_valid = s_valid && s_ready;
  assign m_data  = s_data;

  issue_gate #(.STEPS(1), .PLACES(PLACES)) u_gate (
      .clk(clk), .rst(rst), .issue(m_valid), .freed(freed), .open(s_ready),
      .open_next(unused_next), .last(unused_last)
  );

endmodule

`default_nettype wire
