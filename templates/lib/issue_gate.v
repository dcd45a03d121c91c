// SPDX-License-Identifier: MIT OR Apache-2.0
// Holds back the beat that would complete a result for which there is no place, so that what follows never stalls.
`default_nettype none

module issue_gate #(
    parameter STEPS  = 4,                  // beats that make a result
    parameter PLACES = 2                   // results that may be under way at once
) (
    input  wire clk,                       // clock
    input  wire rst,                       // synchronous reset, active high
    input  wire issue,                     // a beat is issued; only when open
    input  wire freed,                     // a result left its place
    output wire open,                      // the next beat may be issued; straight from a register
    output wire open_next,                 // the same, a cycle before
    output wire last                       // the next beat completes a result
);

  reg  open_q;
  reg  last_q;
  reg  freed_q;                            // cut off from what the reader's ready depends on
  wire last_after;                         // the beat after the next completes a result
  wire last_next = issue ? last_after : last_q;
  wire any_next;                           // there will be a free place
  wire unused_any;

  assign open      = open_q;
  assign open_next = !last_next || any_next;
  assign last      = last_q;

  loop_counter #(.LENGTH(STEPS), .FIRST(1 % STEPS)) u_steps (.clk(clk), .rst(rst), .step(issue), .at_end(last_after));
  token_count #(.COUNT(PLACES), .START(1)) u_free (
      .clk(clk), .rst(rst), .add(freed_q), .take(issue && last_q), .any(unused_any), .any_next(any_next)
  );

  always @(posedge clk) begin
    open_q  <= open_next;
    last_q  <= last_next;
    freed_q <= freed;
    if (rst) begin
      open_q  <= 1'b1;
      last_q  <= STEPS == 1;
      freed_q <= 1'b0;
    end
  end

endmodule

`default_nettype wire
