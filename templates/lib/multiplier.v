// SPDX-License-Identifier: MIT OR Apache-2.0
// Product of two two's complement numbers, in limbs where one has more than 18 bits: 17 bits each, and the sign with the
// highest. Latency 3 enabled cycles, and 1 more for each factor of several limbs.
`default_nettype none

module multiplier #(
    parameter A_BITS = 20,                 // bits of a
    parameter B_BITS = 32                  // bits of b
) (
    input  wire                     clk,      // clock
    input  wire                     enable,   // all registers load
    input  wire [       A_BITS-1:0] a,        // factor, two's complement
    input  wire [       B_BITS-1:0] b,        // factor, two's complement
    output wire [A_BITS+B_BITS-1:0] p         // product, two's complement
);

  localparam A_LIMBS = (A_BITS > 18) ? (A_BITS + 15) / 17 : 1;
  localparam B_LIMBS = (B_BITS > 18) ? (B_BITS + 15) / 17 : 1;
  localparam ROW     = 36 + 17 * (B_LIMBS - 1);             // bits of a limb of a by all of b
  localparam ALL     = ROW + 17 * (A_LIMBS - 1);

  wire [A_LIMBS*ROW-1:0] rows;
  wire [        ALL-1:0] product;

  genvar i, j;
  generate
    for (i = 0; i < A_LIMBS; i = i + 1) begin : g_a
      localparam BITS_A = (i + 1 < A_LIMBS) ? 18 : A_BITS - 17 * i;
      wire [    BITS_A-1:0] limb_a;
      wire [B_LIMBS*36-1:0] products;

      if (i + 1 < A_LIMBS) begin : g_low
        assign limb_a = {1'b0, a[17*i+:17]};
      end else begin : g_high
        assign limb_a = a[A_BITS-1:17*i];
      end

      for (j = 0; j < B_LIMBS; j = j + 1) begin : g_b
        localparam BITS_B = (j + 1 < B_LIMBS) ? 18 : B_BITS - 17 * j;
        wire [       BITS_B-1:0] limb_b;
        wire [BITS_A+BITS_B-1:0] limb_product;

        if (j + 1 < B_LIMBS) begin : g_low
          assign limb_b = {1'b0, b[17*j+:17]};
        end else begin : g_high
          assign limb_b = b[B_BITS-1:17*j];
        end

        block_multiplier #(.A_BITS(BITS_A), .B_BITS(BITS_B)) u_product (
            .clk(clk), .enable(enable), .a(limb_a), .b(limb_b), .p(limb_product)
        );

        if (BITS_A + BITS_B < 36) begin : g_extend
          assign products[36*j+:36] = {{(36 - BITS_A - BITS_B) {limb_product[BITS_A+BITS_B-1]}}, limb_product};
        end else begin : g_whole
          assign products[36*j+:36] = limb_product;
        end
      end

      limb_sum #(.LIMBS(B_LIMBS), .BITS(36)) u_row (
          .clk(clk), .enable(enable), .x(products), .sum(rows[ROW*i+:ROW])
      );
    end
  endgenerate

  limb_sum #(.LIMBS(A_LIMBS), .BITS(ROW)) u_sum (
      .clk(clk), .enable(enable), .x(rows), .sum(product)
  );

  assign p = product[A_BITS+B_BITS-1:0];
  generate
    if (ALL > A_BITS + B_BITS) begin : g_rest
      wire unused = &{1'b0, product[ALL-1:A_BITS+B_BITS]};
    end
  endgenerate

endmodule

`default_nettype wire
