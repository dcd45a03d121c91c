// SPDX-License-Identifier: MIT OR Apache-2.0
// One lane of `requantize_multiply`, whose parameters it shares; latency 6 enabled cycles. A channel's own shift is done
// as a left shift by what it lacks to the greatest, so that one constant right shift rounds for all.
`default_nettype none

module multiply_lane #(
    parameter ACC_BITS   = 20,             // bits of the accumulator, two's complement
    parameter BIAS_BITS  = 20,             // bits of the bias, two's complement
    parameter OUT_BITS   = 8,              // bits of the result
    parameter SHIFT      = 12,             // right shift of all channels; negative: left shift
    parameter [127:0] ROUNDING = "half_up",// as in requantize_multiply
    parameter SATURATE   = 1,              // 1: clamp to LOW .. HIGH; 0: keep the low OUT_BITS bits
    parameter LOW        = 0,              // least result
    parameter HIGH       = 255,            // greatest result
    parameter ZERO       = 0,              // added after rounding
    parameter GAIN       = 1,              // 1 or 2
    parameter MULT_BITS  = 8,              // bits of the multiplier, unsigned
    parameter NEGATIVE_BITS = 0,           // bits of the multiplier for negative sums; 0: there is none
    parameter SHIFT_BITS = 0               // bits of the channel's own shift; 0: there is none
) (
    input  wire                                                    clk,     // clock
    input  wire                                                    enable,  // all registers load
    input  wire signed [ACC_BITS-1:0]                              acc,     // accumulator
    input  wire [BIAS_BITS+MULT_BITS+NEGATIVE_BITS+SHIFT_BITS-1:0] channel, // shift, negative's mult, mult, bias
    output wire [OUT_BITS-1:0]                                     y        // result
);

  localparam [127:0] TFLITE_DOUBLE = "tflite_double";
  localparam [127:0] HALF_AWAY = "half_away";
  localparam DOUBLE  = ROUNDING == TFLITE_DOUBLE;
  localparam GAINED  = ACC_BITS + ((GAIN == 2) ? 1 : 0);
  localparam BITS    = ((GAINED > BIAS_BITS) ? GAINED : BIAS_BITS) + 1;
  localparam FACTOR  = (NEGATIVE_BITS > MULT_BITS + 1) ? NEGATIVE_BITS : MULT_BITS + 1;
  localparam PRODUCT = BITS + FACTOR;
  localparam MOST    = (1 << SHIFT_BITS) - 1;               // greatest shift of a channel
  localparam SCALED  = PRODUCT + MOST + (DOUBLE ? 1 : 0);

  // Bias.
  wire signed [BIAS_BITS-1:0] bias = channel[BIAS_BITS-1:0];
  wire signed [     BITS-1:0] wide = {{(BITS - ACC_BITS) {acc[ACC_BITS-1]}}, acc};
  wire signed [     BITS-1:0] gained = (GAIN == 2) ? wide <<< 1 : wide;
  wire        [MULT_BITS-1:0] mult = channel[BIAS_BITS+:MULT_BITS];
  reg  signed [     BITS-1:0] biased_q;
  reg         [MULT_BITS-1:0] mult_q;

  always @(posedge clk) begin
    if (enable) biased_q <= gained + {{(BITS - BIAS_BITS) {bias[BIAS_BITS-1]}}, bias};
    if (enable) mult_q <= mult;
  end

  // Factor by the sum's sign, then the product.
  wire signed [ FACTOR-1:0] positive = {{(FACTOR - MULT_BITS) {1'b0}}, mult_q};
  wire signed [ FACTOR-1:0] factor;
  reg  signed [   BITS-1:0] operand_q;
  reg  signed [ FACTOR-1:0] factor_q;
  reg  signed [PRODUCT-1:0] product_q;

  generate
    if (NEGATIVE_BITS > 0) begin : g_negative
      reg signed [NEGATIVE_BITS-1:0] negative_q;
      always @(posedge clk) if (enable) negative_q <= channel[BIAS_BITS+MULT_BITS+:NEGATIVE_BITS];
      if (FACTOR > NEGATIVE_BITS) begin : g_extend
        assign factor = biased_q[BITS-1] ? {{(FACTOR - NEGATIVE_BITS) {negative_q[NEGATIVE_BITS-1]}}, negative_q} : positive;
      end else begin : g_same
        assign factor = biased_q[BITS-1] ? negative_q : positive;
      end
    end else begin : g_one
      assign factor = positive;
    end
  endgenerate

  always @(posedge clk) begin
    if (enable) operand_q <= biased_q;
    if (enable) factor_q <= factor;
  end

  generate
    if (MULT_BITS == 1 && NEGATIVE_BITS == 0) begin : g_gate
      wire unused = &{1'b0, factor_q[FACTOR-1:1]};
      always @(posedge clk)
        if (enable) product_q <= {{FACTOR{operand_q[BITS-1]}}, operand_q} & {PRODUCT{factor_q[0]}};
    end else begin : g_multiply
      wire signed [PRODUCT-1:0] product = operand_q * factor_q;
      always @(posedge clk) if (enable) product_q <= product;
    end
  endgenerate

  // The first of TensorFlow Lite's two roundings, the channel's own shift, then what all channels share.
  wire signed [SCALED-1:0] extended = {{(SCALED - PRODUCT) {product_q[PRODUCT-1]}}, product_q};
  wire signed [SCALED-1:0] once;
  reg  signed [SCALED-1:0] scaled_q;

  generate
    if (DOUBLE) begin : g_double
      localparam [SCALED+30:0] HALF = {{SCALED{1'b0}}, 31'h40000000};
      wire [SCALED+30:0] sum = {{31{extended[SCALED-1]}}, extended} + HALF;
      wire unused = &{1'b0, sum[30:0]};
      assign once = sum[SCALED+30:31];
    end else begin : g_once
      assign once = extended;
    end

    if (SHIFT_BITS > 0) begin : g_own_shift
      reg [SHIFT_BITS-1:0] shift_0_q, shift_1_q, shift_2_q;
      always @(posedge clk) begin
        if (enable) begin
          shift_0_q <= channel[BIAS_BITS+MULT_BITS+NEGATIVE_BITS+:SHIFT_BITS];
          shift_1_q <= shift_0_q;
          shift_2_q <= ~shift_1_q;         // MOST - shift
          scaled_q  <= once <<< shift_2_q;
        end
      end
    end else begin : g_one_shift
      always @(posedge clk) if (enable) scaled_q <= once;
    end
  endgenerate

  round_clamp #(
      .IN_BITS(SCALED), .OUT_BITS(OUT_BITS), .SHIFT(SHIFT + MOST - (DOUBLE ? 31 : 0)),
      .ROUNDING(DOUBLE ? HALF_AWAY : ROUNDING), .SATURATE(SATURATE), .LOW(LOW), .HIGH(HIGH), .ZERO(ZERO)
  ) u_round (.clk(clk), .enable(enable), .v(scaled_q), .y(y));

endmodule

`default_nettype wire
