// SPDX-License-Identifier: MIT OR Apache-2.0
// The address STEP words further on in a ring of DEPTH words. Combinational; both candidates are formed at once.
`default_nettype none

module ring_step #(
    parameter DEPTH = 4,                   // words of the ring
    parameter STEP  = 1                    // words to go, 0 .. DEPTH - 1
) (
    input  wire [((DEPTH > 1) ? $clog2(DEPTH) : 1) - 1:0] from, // address
    output wire [((DEPTH > 1) ? $clog2(DEPTH) : 1) - 1:0] to    // address (from + STEP) modulo DEPTH
);

  localparam BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam BACK = STEP - DEPTH;

  generate
    if (STEP == 0) begin : g_stay
      assign to = from;
    end else if (DEPTH == (1 << BITS)) begin : g_free
      assign to = from + STEP[BITS-1:0];
    end else if (STEP == 1) begin : g_next
      assign to = (from == DEPTH[BITS-1:0] - 1'b1) ? {BITS{1'b0}} : from + 1'b1;
    end else begin : g_wrap
      wire [BITS-1:0] plain = from + STEP[BITS-1:0];
      wire [  BITS:0] wrapped = {1'b0, from} + BACK[BITS:0];
      assign to = wrapped[BITS] ? plain : wrapped[BITS-1:0];
    end
  endgenerate

endmodule

`default_nettype wire
