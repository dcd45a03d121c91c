// SPDX-License-Identifier: MIT OR Apache-2.0
// `gated_sum` as a tree: an adder's carry takes its operands as they are, so every lane needs its lookup tables, whose
// registers come with them and are lost to the skew that a chain would need.
`default_nettype none

module gated_sum #(
    parameter SIMD     = 8,
    parameter BITS     = 8,
    parameter CHAIN    = 4,
    parameter FIRST    = 0,
    parameter OUT_BITS = 20
) (
    input  wire                 clk,
    input  wire [SIMD*BITS-1:0] x,
    input  wire [     SIMD-1:0] gate,
    input  wire [     SIMD-1:0] invert,
    output wire [ OUT_BITS-1:0] sum
);

  localparam CHAINS  = (SIMD + CHAIN - 1) / CHAIN;
  localparam LENGTH  = (SIMD < CHAIN) ? SIMD : CHAIN;
  localparam LATENCY = FIRST + ((LENGTH > 1) ? LENGTH - 1 : 1) + $clog2(CHAINS);
  localparam LEVELS  = (SIMD > 1) ? $clog2(SIMD) : 1;        // registers of the tree
  localparam SPARE   = LATENCY - LEVELS;
  localparam WIDTH   = (BITS + $clog2(SIMD) < OUT_BITS) ? BITS + $clog2(SIMD) : OUT_BITS;

  wire [SIMD*BITS-1:0] product;
  wire [    WIDTH-1:0] total;
  wire [    WIDTH-1:0] late;

  genvar i;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      delay #(.BITS(BITS), .CYCLES((SPARE > 0) ? 1 : 0)) u_product (
          .clk(clk), .d((x[i*BITS+:BITS] ^ {BITS{invert[i]}}) & {BITS{gate[i]}}), .q(product[i*BITS+:BITS])
      );
    end

    if (OUT_BITS > WIDTH) begin : g_extend
      assign sum = {{(OUT_BITS - WIDTH) {1'b0}}, late};
    end else begin : g_same
      assign sum = late;
    end
  endgenerate

  adder_tree #(.LANES(SIMD), .BITS(BITS), .SIGNED(0), .OUT_BITS(WIDTH)) u_tree (
      .clk(clk), .x(product), .sum(total)
  );

  delay #(.BITS(WIDTH), .CYCLES((SPARE > 1) ? SPARE - 1 : 0)) u_late (.clk(clk), .d(total), .q(late));

endmodule

`default_nettype wire
