// SPDX-License-Identifier: MIT OR Apache-2.0
// Dot product with powers of two, code {sign, shift}; an all-ones shift is zero. A negative product lacks its +1: the
// sum is too small by the number of negative weights (zeros do not count).
`default_nettype none

module dot_po2 #(
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

  localparam SHIFT_BITS = CODE_BITS - 1;
  localparam MAX_SHIFT  = (CODE_BITS > 1) ? (1 << SHIFT_BITS) - 2 : 0;
  localparam BITS       = X_BITS + 1 + MAX_SHIFT;  // of one product

  wire [SIMD*BITS-1:0] product;

  genvar i;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      wire [X_BITS-1:0]    value = x[i*X_BITS+:X_BITS];
      wire [SHIFT_BITS-1:0] shift = w[i*CODE_BITS+:SHIFT_BITS];
      wire                 sign = w[(i+1)*CODE_BITS-1];
      wire                 top = (X_SIGNED != 0) && value[X_BITS-1];
      wire [     BITS-1:0] wide = {{(BITS - X_BITS) {top}}, value};
      assign product[i*BITS+:BITS] = (&shift) ? {BITS{1'b0}} : (wide << shift) ^ {BITS{sign}};
    end
  endgenerate

  adder_tree #(.LANES(SIMD), .BITS(BITS), .SIGNED(1), .OUT_BITS(SUM_BITS), .LEVELS_PER_REGISTER(1)) u_tree (
      .clk(clk), .x(product), .sum(sum)
  );

endmodule

`default_nettype wire
