// SPDX-License-Identifier: MIT OR Apache-2.0
// Counts steps of a loop of fixed length over and over; says when the last one is reached, straight from a register.
`default_nettype none

module loop_counter #(
    parameter LENGTH = 4,                  // steps of the loop
    parameter FIRST  = 0                   // steps of it done at reset; less than LENGTH
) (
    input  wire clk,                       // clock
    input  wire rst,                       // synchronous reset, active high
    input  wire step,                      // one step is done
    output wire at_end                     // the step to be done is the last of the loop
);

  localparam BITS = (LENGTH > 1) ? $clog2(LENGTH) : 1;

  generate
    if (LENGTH == 1) begin : g_constant
      assign at_end = 1'b1;
      wire unused = &{1'b0, clk, rst, step};
    end else begin : g_count
      localparam PREVIOUS = LENGTH - 2;
      localparam [BITS-1:0] BEFORE_LAST = PREVIOUS[BITS-1:0];
      reg [BITS-1:0] count_q;
      reg            end_q;

      assign at_end = end_q;

      always @(posedge clk) begin
        if (step) begin
          count_q <= end_q ? {BITS{1'b0}} : count_q + 1'b1;
          end_q   <= !end_q && count_q == BEFORE_LAST;
        end
        if (rst) begin
          count_q <= FIRST[BITS-1:0];
          end_q   <= FIRST == LENGTH - 1;
        end
      end
    end
  endgenerate

`ifdef FORMAL
  // The end comes with every LENGTH-th step.
  reg past_q = 1'b0;                       // there was a cycle before this one
  always @(posedge clk) past_q <= 1'b1;
  always @(*) if (!past_q) assume (rst);

  reg [BITS:0] steps_q;                    // since the last end
  always @(posedge clk) begin
    if (step) steps_q <= at_end ? {(BITS + 1) {1'b0}} : steps_q + 1'b1;
    if (rst) steps_q <= FIRST[BITS:0];
  end
  always @(*) if (past_q) assert (at_end == (steps_q == LENGTH - 1) && steps_q < LENGTH);
  generate
    if (LENGTH > 1) begin : g_contract
      always @(*) if (past_q) assert (g_count.count_q == steps_q);
    end
  endgenerate
`endif

endmodule

`default_nettype wire
