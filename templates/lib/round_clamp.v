// SPDX-License-Identifier: MIT OR Apache-2.0
// One lane of a requantizer: y = clamp(round(v / 2^SHIFT) + ZERO, LOW, HIGH). Latency 2 enabled cycles.
`default_nettype none

module round_clamp #(
    parameter IN_BITS    = 21,             // bits of v
    parameter OUT_BITS   = 8,              // bits of y
    parameter SHIFT      = 4,              // right shift; negative: left shift
    parameter [127:0] ROUNDING = "half_up",// half_up, floor, half_even, toward_zero or half_away
    parameter SATURATE   = 1,              // 1: clamp to LOW .. HIGH; 0: keep the low OUT_BITS bits
    parameter LOW        = 0,              // least y
    parameter HIGH       = 255,            // greatest y
    parameter ZERO       = 0               // added after rounding
) (
    input  wire                      clk,     // clock
    input  wire                      enable,  // all registers load
    input  wire signed [IN_BITS-1:0] v,       // value
    output wire [OUT_BITS-1:0]       y        // its requantized code
);

  localparam [127:0] FLOOR = "floor";
  localparam [127:0] HALF_UP = "half_up";
  localparam [127:0] HALF_EVEN = "half_even";
  localparam [127:0] TOWARD_ZERO = "toward_zero";
  localparam [127:0] HALF_AWAY = "half_away";
  localparam LEFT      = (SHIFT < 0) ? -SHIFT : 0;
  localparam RIGHT     = (SHIFT > 0) ? SHIFT : 0;
  localparam NARROW    = (IN_BITS + LEFT > RIGHT) ? IN_BITS + LEFT - RIGHT : 1;     // bits left after the shift
  localparam AT_LEAST  = (NARROW > OUT_BITS) ? NARROW : OUT_BITS;
  localparam BITS      = ((ZERO != 0 && AT_LEAST < 32) ? 32 : AT_LEAST) + 2;        // room for the carry and ZERO
  localparam signed [31:0] OFFSET = ZERO;

  wire signed [BITS-1:0] quotient;         // rounded towards minus infinity
  wire                   increment;        // what the rounding adds to it

  generate
    if (RIGHT == 0) begin : g_left
      wire signed [BITS-1:0] wide = {{(BITS - IN_BITS) {v[IN_BITS-1]}}, v};
      assign quotient  = wide <<< LEFT;
      assign increment = 1'b0;
    end else begin : g_right
      localparam EXTENDED = (IN_BITS > RIGHT) ? IN_BITS + 1 : RIGHT + 1;
      wire [EXTENDED-1:0] wide = {{(EXTENDED - IN_BITS) {v[IN_BITS-1]}}, v};
      wire                negative = v[IN_BITS-1];
      wire                half = wide[RIGHT-1];
      wire                rest;            // there is more behind the half

      assign quotient = {{(BITS - EXTENDED + RIGHT) {negative}}, wide[EXTENDED-1:RIGHT]};
      if (RIGHT > 1) begin : g_rest
        assign rest = |wide[RIGHT-2:0];
      end else begin : g_no_rest
        assign rest = 1'b0;
      end

      if (ROUNDING == FLOOR) begin : g_mode
        assign increment = 1'b0;
        wire unused = &{1'b0, half, rest};
      end else if (ROUNDING == HALF_UP) begin : g_mode
        assign increment = half;
        wire unused = &{1'b0, rest};
      end else if (ROUNDING == HALF_EVEN) begin : g_mode
        assign increment = half && (rest || wide[RIGHT]);
      end else if (ROUNDING == TOWARD_ZERO) begin : g_mode
        assign increment = negative && (half || rest);
      end else if (ROUNDING == HALF_AWAY) begin : g_mode
        assign increment = half && (rest || !negative);
      end else begin : g_mode
        rounding_is_not_known u_mode ();
      end
    end
  endgenerate

  reg signed [BITS-1:0] rounded_q;

  generate
    if (ZERO == 0) begin : g_plain
      always @(posedge clk) if (enable) rounded_q <= quotient + {{(BITS - 1) {1'b0}}, increment};
    end else begin : g_offset
      wire signed [BITS-1:0] offset = {{(BITS - 32) {OFFSET[31]}}, OFFSET};
      always @(posedge clk) if (enable) rounded_q <= quotient + offset + {{(BITS - 1) {1'b0}}, increment};
    end
  endgenerate

  clamp #(
      .IN_BITS(BITS), .OUT_BITS(OUT_BITS), .SATURATE(SATURATE), .LOW(LOW), .HIGH(HIGH)
  ) u_clamp (.clk(clk), .enable(enable), .v(rounded_q), .y(y));

endmodule

`default_nettype wire
