// SPDX-License-Identifier: MIT OR Apache-2.0
// Issues the beats of a stream as they come, two cycles before it gives them on.
`default_nettype none

module beat_issue #(
    parameter WIDTH  = 8,                  // bits of one beat
    parameter STEPS  = 4,                  // beats that make a result
    parameter PLACES = 2                   // results that may be under way at once
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire             s_valid,       // input beat offered
    output wire             s_ready,       // input beat accepted; straight from a register
    input  wire [WIDTH-1:0] s_data,        // input beat
    input  wire             freed,         // a result left: its place may be used again
    output wire             m_issue,       // a beat is issued; it follows two cycles later
    output wire             m_last,        // ... and is the last of its result
    output wire             m_valid,       // output beat
    output wire [WIDTH-1:0] m_data         // output beat
);

  wire            unused_next;
  reg [      1:0] valid_q;
  reg [WIDTH-1:0] first_q;
  reg [WIDTH-1:0] second_q;

  assign m_issue = s_valid && s_ready;
  assign m_valid = valid_q[1];
  assign m_data  = second_q;

  issue_gate #(.STEPS(STEPS), .PLACES(PLACES)) u_gate (
      .clk(clk), .rst(rst), .issue(m_issue), .freed(freed), .open(s_ready),
      .open_next(unused_next), .last(m_last)
  );

  always @(posedge clk) begin
    valid_q  <= {valid_q[0], m_issue};
    first_q  <= s_data;
    second_q <= first_q;
    if (rst) valid_q <= 2'b00;
  end

endmodule

`default_nettype wire
