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
    output wire open,                      // the next beat may be issued
    output wire last                       // the next beat completes a result
);

  wire any;                                // there is a free place
  reg  freed_q;                            // cut off from what the reader's ready depends on

  assign open = !last || any;

  loop_counter #(.LENGTH(STEPS)) u_steps (.clk(clk), .rst(rst), .step(issue), .at_end(last));
  token_count #(.COUNT(PLACES), .START(1)) u_free (.clk(clk), .rst(rst), .add(freed_q), .take(issue && last), .any(any));

  always @(posedge clk) freed_q <= freed && !rst;

endmodule

`default_nettype wire
