// SPDX-License-Identifier: MIT OR Apache-2.0
// Number of lanes whose binary or ternary weight agrees with the bipolar activation, whose +1 is 1. The dot product is
// twice this count less the number of non-zero weights. A binary weight's +1 is stored as 0: lanes agree
// where their bits differ.
`default_nettype none

module dot_xnor #(
    parameter SIMD      = 8,               // lanes
    parameter CODE_BITS = 1,               // bits of one weight code: 1 binary, 2 ternary
    parameter SUM_BITS  = 20               // bits of the count
) (
    input  wire                      clk,     // clock
    input  wire [          SIMD-1:0] x,       // activations, lane 0 lowest
    input  wire [SIMD*CODE_BITS-1:0] w,       // weight codes, lane 0 lowest
    output wire [      SUM_BITS-1:0] sum      // the count, max(1, ceil(log2(SIMD))) cycles later
);

  localparam BITS = 1;         // of one product

  wire [SIMD*BITS-1:0] product;

  genvar i;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      if (CODE_BITS == 1) begin : g_binary
        assign product[i] = x[i] ^ w[i];
      end else begin : g_ternary           // code {weight is +1, non-zero}
        assign product[i] = w[2*i] & ~(x[i] ^ w[2*i+1]);
      end
    end
  endgenerate

  adder_tree #(.LANES(SIMD), .BITS(BITS), .SIGNED(0), .OUT_BITS(SUM_BITS)) u_tree (
      .clk(clk), .x(product), .sum(sum)
  );

endmodule

`default_nettype wire
