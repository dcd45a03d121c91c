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

  localparam BITS = $clog2(PLACES + 1);
  localparam [BITS-1:0] ALL = PLACES[BITS-1:0];
  localparam [BITS-1:0] ONE = 1;

  reg  [BITS-1:0] places_q;                // free places
  reg             any_q;                   // there is one
  wire            taken = issue && last;

  assign open = !last || any_q;

  loop_counter #(.LENGTH(STEPS)) u_steps (.clk(clk), .rst(rst), .step(issue), .at_end(last));

  always @(posedge clk) begin
    if (freed && !taken) begin
      places_q <= places_q + ONE;
      any_q    <= 1'b1;
    end else if (taken && !freed) begin
      places_q <= places_q - ONE;
      any_q    <= places_q != ONE;
    end
    if (rst) begin
      places_q <= ALL;
      any_q    <= 1'b1;
    end
  end

endmodule

`default_nettype wire
