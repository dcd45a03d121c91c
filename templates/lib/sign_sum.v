// SPDX-License-Identifier: MIT OR Apache-2.0
// Sum of unsigned numbers, each as it is or its complement: a tree of adders, a register behind each. Latency HELD + max(1,
// ceil(log2(LANES))) cycles.
`default_nettype none

module sign_sum #(
    parameter LANES    = 8,                // numbers to add
    parameter BITS     = 8,                // bits of one number
    parameter HELD     = 0,                // 1: a register stands before the tree
    parameter OUT_BITS = 20                // bits of the sum; zero-extended, or modulo 2^OUT_BITS
) (
    input  wire                  clk,      // clock
    input  wire [LANES*BITS-1:0] x,        // numbers, the first lowest
    input  wire [     LANES-1:0] invert,   // 1: the number's complement is added
    output wire [  OUT_BITS-1:0] sum       // their sum
);

  localparam PAIRS = (LANES + 1) / 2;
  localparam WIDTH = BITS + 1;             // of a pair's sum

  wire [LANES*BITS-1:0]  number;
  wire [LANES-1:0]       inverted;
  wire [PAIRS*WIDTH-1:0] pair;

  delay #(.BITS(LANES * BITS), .CYCLES(HELD)) u_number (.clk(clk), .d(x), .q(number));
  delay #(.BITS(LANES), .CYCLES(HELD)) u_inverted (.clk(clk), .d(invert), .q(inverted));

  genvar i;
  generate
    for (i = 0; i < PAIRS; i = i + 1) begin : g_pair
      wire [WIDTH-1:0] sum_d;
      reg  [WIDTH-1:0] sum_q;
      if (2 * i + 1 < LANES) begin : g_two
        sign_add #(.BITS(BITS)) u_add (
            .a(number[2*i*BITS+:BITS]), .b(number[(2*i+1)*BITS+:BITS]), .invert_a(inverted[2*i]), .invert_b(inverted[2*i+1]),
            .sum(sum_d)
        );
      end else begin : g_one
        assign sum_d = {1'b0, number[2*i*BITS+:BITS] ^ {BITS{inverted[2*i]}}};
      end
      always @(posedge clk) sum_q <= sum_d;
      assign pair[i*WIDTH+:WIDTH] = sum_q;
    end

    if (PAIRS > 1) begin : g_tree
      adder_tree #(.LANES(PAIRS), .BITS(WIDTH), .SIGNED(0), .OUT_BITS(OUT_BITS)) u_tree (
          .clk(clk), .x(pair), .sum(sum)
      );
    end else if (OUT_BITS > WIDTH) begin : g_extend
      assign sum = {{(OUT_BITS - WIDTH) {1'b0}}, pair};
    end else begin : g_modulo
      assign sum = pair[OUT_BITS-1:0];
      if (OUT_BITS < WIDTH) begin : g_rest
        wire unused = &{1'b0, pair[WIDTH-1:OUT_BITS]};
      end
    end
  endgenerate

endmodule

`default_nettype wire
