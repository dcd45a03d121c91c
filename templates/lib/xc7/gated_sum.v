// SPDX-License-Identifier: MIT OR Apache-2.0
// `gated_sum` as a tree that begins with pairs of lanes: one table gates, inverts and adds a bit of both.
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
  localparam PAIRS   = (SIMD + 1) / 2;
  localparam CARRIES = (BITS + 4) / 4;                       // carry cells of a pair
  localparam WIDTH   = (BITS + LEVELS < OUT_BITS) ? BITS + LEVELS : OUT_BITS;

  // O5 is the first lane: (I0 ^ I1) & I2. O6 is that where I5, the second lane's gate, is 0, else that ^ I3 ^ I4.
  localparam [63:0] STEP = 64'h609F9F60_60606060;

  wire [PAIRS*(BITS+1)-1:0] pair;
  wire [         WIDTH-1:0] total;
  wire [         WIDTH-1:0] late;

  genvar i, k;
  generate
    for (i = 0; i < PAIRS; i = i + 1) begin : g_pair
      wire [BITS:0] sum_d;
      reg  [BITS:0] sum_q;

      if (2 * i + 1 < SIMD) begin : g_two
        wire [4*CARRIES-1:0] first;
        wire [4*CARRIES-1:0] step;
        wire [4*CARRIES-1:0] wide;
        wire [4*CARRIES-1:0] carry;
        for (k = 0; k < 4 * CARRIES; k = k + 1) begin : g_bit
          if (k < BITS) begin : g_step
            LUT6_2 #(.INIT(STEP)) u_cell (
                .I0(x[2*i*BITS+k]), .I1(invert[2*i]), .I2(gate[2*i]),
                .I3(x[(2*i+1)*BITS+k]), .I4(invert[2*i+1]), .I5(gate[2*i+1]), .O5(first[k]), .O6(step[k])
            );
          end else begin : g_top
            assign first[k] = 1'b0;
            assign step[k] = 1'b0;
          end
        end
        for (k = 0; k < CARRIES; k = k + 1) begin : g_carry
          CARRY4 u_cell (
              .CI((k == 0) ? 1'b0 : carry[4*k-1]), .CYINIT(1'b0), .DI(first[4*k+:4]), .S(step[4*k+:4]),
              .O(wide[4*k+:4]), .CO(carry[4*k+:4])
          );
        end
        assign sum_d = wide[BITS:0];
      end else begin : g_one
        assign sum_d = {1'b0, (x[2*i*BITS+:BITS] ^ {BITS{invert[2*i]}}) & {BITS{gate[2*i]}}};
      end

      always @(posedge clk) sum_q <= sum_d;
      assign pair[i*(BITS+1)+:BITS+1] = sum_q;
    end

    if (PAIRS > 1) begin : g_tree
      adder_tree #(.LANES(PAIRS), .BITS(BITS + 1), .SIGNED(0), .OUT_BITS(WIDTH)) u_tree (
          .clk(clk), .x(pair), .sum(total)
      );
    end else begin : g_pair_alone
      assign total = pair[WIDTH-1:0];
      wire unused = &{1'b0, pair};
    end

    if (OUT_BITS > WIDTH) begin : g_extend
      assign sum = {{(OUT_BITS - WIDTH) {1'b0}}, late};
    end else begin : g_same
      assign sum = late;
    end
  endgenerate

  delay #(.BITS(WIDTH), .CYCLES(LATENCY - LEVELS)) u_late (.clk(clk), .d(total), .q(late));

endmodule

`default_nettype wire
