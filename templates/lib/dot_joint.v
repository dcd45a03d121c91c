// SPDX-License-Identifier: MIT OR Apache-2.0
// Dot products of the same activations with the sign-magnitude weights of several outputs, code {sign, magnitude}. A
// multiplier block takes an activation and the outputs' magnitudes, side by side in one factor, so far apart that the
// products do not meet. An activation counts from its least value: x, or x + 2^(X_BITS-1) when signed; a set sign adds the
// complement of the product's bits instead.
`default_nettype none

module dot_joint #(
    parameter OUTPUTS   = 2,               // outputs; so many that the factor has up to 18 bits
    parameter SIMD      = 8,               // lanes
    parameter X_BITS    = 8,               // bits of one activation
    parameter X_SIGNED  = 0,               // 1: activations are two's complement
    parameter CODE_BITS = 4,               // bits of one weight code
    parameter SUM_BITS  = 20               // bits of a sum; it is modulo 2^SUM_BITS
) (
    input  wire                              clk, // clock
    input  wire [           SIMD*X_BITS-1:0] x,   // activations, lane 0 lowest
    input  wire [OUTPUTS*SIMD*CODE_BITS-1:0] w,   // weight codes, lane 0 of output 0 lowest
    output wire [      OUTPUTS*SUM_BITS-1:0] sum  // sums of the products; 3 + the latency of `sign_sum` cycles later
);

  localparam FIELD  = X_BITS + CODE_BITS - 1;               // of one product
  localparam A_BITS = X_BITS + 1;
  localparam B_BITS = FIELD * (OUTPUTS - 1) + CODE_BITS;
  localparam [X_BITS-1:0] FLIP = (X_SIGNED != 0) ? ~({X_BITS{1'b1}} >> 1) : {X_BITS{1'b0}};

  wire [OUTPUTS*SIMD*FIELD-1:0] product;
  wire [      OUTPUTS*SIMD-1:0] sign;
  wire [      OUTPUTS*SIMD-1:0] invert;

  delay #(.BITS(OUTPUTS * SIMD), .CYCLES(3)) u_sign (.clk(clk), .d(sign), .q(invert));

  genvar i, o;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      wire [       B_BITS-1:0] magnitudes;
      wire [A_BITS+B_BITS-1:0] products;
      wire unused = &{1'b0, products[A_BITS+B_BITS-1:FIELD*OUTPUTS]};

      block_multiplier #(.A_BITS(A_BITS), .B_BITS(B_BITS)) u_product (
          .clk(clk), .enable(1'b1), .a({1'b0, x[i*X_BITS+:X_BITS] ^ FLIP}), .b(magnitudes), .p(products)
      );

      for (o = 0; o < OUTPUTS; o = o + 1) begin : g_output
        localparam LANE = o * SIMD + i;
        localparam ROOM = (o + 1 < OUTPUTS) ? FIELD : CODE_BITS;
        assign magnitudes[o*FIELD+:ROOM] = {{(ROOM - CODE_BITS + 1) {1'b0}}, w[LANE*CODE_BITS+:CODE_BITS-1]};
        assign sign[LANE] = w[(LANE+1)*CODE_BITS-1];
        assign product[LANE*FIELD+:FIELD] = products[o*FIELD+:FIELD];
      end
    end

    for (o = 0; o < OUTPUTS; o = o + 1) begin : g_sum
      sign_sum #(.LANES(SIMD), .BITS(FIELD), .OUT_BITS(SUM_BITS)) u_sum (
          .clk(clk), .x(product[o*SIMD*FIELD+:SIMD*FIELD]), .invert(invert[o*SIMD+:SIMD]), .sum(sum[o*SUM_BITS+:SUM_BITS])
      );
    end
  endgenerate

endmodule

`default_nettype wire
