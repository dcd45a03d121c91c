// SPDX-License-Identifier: MIT OR Apache-2.0
// One lane of `requantize_multiply`, whose parameters and latency it shares. A channel's own shift is done as a left shift
// by what it lacks to the greatest, so that one constant right shift rounds for all.
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
    parameter SHIFT_BITS = 0,              // bits of the channel's own shift; 0: there is none
    parameter BITS       = 21,             // bits of the biased sum
    parameter OPERAND    = 18,             // bits that it is limited to
    parameter FACTOR     = 9,              // bits of a multiplier with its sign
    parameter BEFORE     = 4               // registers of the sum and the product
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
  localparam PRODUCT = OPERAND + FACTOR;
  localparam MOST    = (1 << SHIFT_BITS) - 1;               // greatest shift of a channel
  localparam WIDE    = (PRODUCT < 32) ? 32 : PRODUCT;
  localparam ONCE    = DOUBLE ? WIDE - 30 : PRODUCT;        // bits after the first of TensorFlow Lite's two roundings
  localparam SCALED  = ONCE + MOST;

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
  wire signed [OPERAND-1:0] operand;
  wire signed [ FACTOR-1:0] positive = {{(FACTOR - MULT_BITS) {1'b0}}, mult_q};
  wire signed [ FACTOR-1:0] factor;
  wire signed [PRODUCT-1:0] product;

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

    if (OPERAND < BITS) begin : g_limit
      wire negative = biased_q[BITS-1];
      wire fits = biased_q[BITS-1:OPERAND-1] == {(BITS - OPERAND + 1) {negative}};
      assign operand = fits ? biased_q[OPERAND-1:0] : {negative, {(OPERAND - 1) {!negative}}};
    end else begin : g_all
      assign operand = biased_q;
    end

    if (MULT_BITS == 1 && NEGATIVE_BITS == 0) begin : g_gate
      reg signed [PRODUCT-1:0] product_q;
      wire unused = &{1'b0, factor[FACTOR-1:1]};
      always @(posedge clk)
        if (enable) product_q <= {{FACTOR{operand[OPERAND-1]}}, operand} & {PRODUCT{factor[0]}};
      assign product = product_q;
    end else begin : g_multiply
      multiplier #(.A_BITS(OPERAND), .B_BITS(FACTOR)) u_product (
          .clk(clk), .enable(enable), .a(operand), .b(factor), .p(product)
      );
    end
  endgenerate

  // The first rounding, the channel's own shift, then what all channels share.
  wire signed [  ONCE-1:0] once;
  wire signed [SCALED-1:0] scaled;

  generate
    if (DOUBLE) begin : g_double
      wire [WIDE-1:0] wide_product;
      reg  [ONCE-1:0] once_q;
      if (WIDE > PRODUCT) begin : g_extend
        assign wide_product = {{(WIDE - PRODUCT) {product[PRODUCT-1]}}, product};
      end else begin : g_whole
        assign wide_product = product;
      end
      wire unused = &{1'b0, wide_product[29:0]};
      always @(posedge clk)
        if (enable) once_q <= {wide_product[WIDE-1], wide_product[WIDE-1:31]} + {{(ONCE - 1) {1'b0}}, wide_product[30]};
      assign once = once_q;
    end else begin : g_single
      assign once = product;
    end

    if (SHIFT_BITS > 0) begin : g_own_shift
      localparam STAGES = BEFORE + (DOUBLE ? 1 : 0);
      wire signed [SCALED-1:0] wide_once = {{MOST{once[ONCE-1]}}, once};
      reg [STAGES*SHIFT_BITS-1:0] shift_q; // what it lacks to the greatest, the newest lowest
      reg signed [    SCALED-1:0] scaled_q;
      wire       [SHIFT_BITS-1:0] lacks = ~channel[BIAS_BITS+MULT_BITS+NEGATIVE_BITS+:SHIFT_BITS];
      always @(posedge clk)
        if (enable) begin
          shift_q  <= {shift_q[(STAGES-1)*SHIFT_BITS-1:0], lacks};
          scaled_q <= wide_once <<< shift_q[(STAGES-1)*SHIFT_BITS+:SHIFT_BITS];
        end
      assign scaled = scaled_q;
    end else begin : g_one_shift
      assign scaled = once;
    end
  endgenerate

  round_clamp #(
      .IN_BITS(SCALED), .OUT_BITS(OUT_BITS), .SHIFT(SHIFT + MOST - (DOUBLE ? 31 : 0)),
      .ROUNDING(DOUBLE ? HALF_AWAY : ROUNDING), .SATURATE(SATURATE), .LOW(LOW), .HIGH(HIGH), .ZERO(ZERO)
  ) u_round (.clk(clk), .enable(enable), .v(scaled), .y(y));

endmodule

`default_nettype wire
