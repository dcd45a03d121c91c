// SPDX-License-Identifier: MIT OR Apache-2.0
// Dot product with sign-magnitude weights, by gated planes: no multiplier. A negative product lacks its +1: the sum is
// too small by the number of codes with the sign set.
`default_nettype none

module dot_dfp #(
    parameter SIMD      = 8,               // lanes
    parameter X_BITS    = 8,               // bits of one activation
    parameter X_SIGNED  = 0,               // 1: activations are two's complement
    parameter CODE_BITS = 4,               // bits of one weight code
    parameter SUM_BITS  = 20               // bits of the sum; the sum is modulo 2^SUM_BITS
) (
    input  wire                      clk,     // clock
    input  wire [   SIMD*X_BITS-1:0] x,       // activations, lane 0 lowest
    input  wire [SIMD*CODE_BITS-1:0] w,       // weight codes, lane 0 lowest
    output wire [      SUM_BITS-1:0] sum      // sum of the products, max(1, ceil(log2(SIMD))) cycles later
);

  localparam PLANES = CODE_BITS - 1;
  localparam BITS   = X_BITS + CODE_BITS;  // of one product

  wire [SIMD*BITS-1:0] product;

  genvar i, k;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      wire [X_BITS-1:0]    value = x[i*X_BITS+:X_BITS];
      wire                 sign = w[(i+1)*CODE_BITS-1];
      wire                 top = (X_SIGNED != 0) && value[X_BITS-1];
      wire [     BITS-1:0] wide = {{(BITS - X_BITS) {top}}, value};
      for (k = 0; k < PLANES; k = k + 1) begin : g_plane
        wire [BITS-1:0] gated = (wide & {BITS{w[i*CODE_BITS+k]}}) << k;
        wire [BITS-1:0] partial;           // of this plane and those below
        if (k == 0) begin : g_first
          assign partial = gated;
        end else begin : g_next
          assign partial = g_plane[k-1].partial + gated;
        end
      end
      assign product[i*BITS+:BITS] = g_plane[PLANES-1].partial ^ {BITS{sign}};
    end
  endgenerate

  adder_tree #(.LANES(SIMD), .BITS(BITS), .SIGNED(1), .OUT_BITS(SUM_BITS), .LEVELS_PER_REGISTER(1)) u_tree (
      .clk(clk), .x(product), .sum(sum)
  );

endmodule

`default_nettype wire
