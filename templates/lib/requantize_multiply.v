// SPDX-License-Identifier: MIT OR Apache-2.0
// y = clamp(round((GAIN * acc + bias) * mult / 2^(SHIFT + shift)) + ZERO, LOW, HIGH), lane by lane; latency 4 to 10. One
// vector is FOLDS beats; word f of the ROM image holds the channels of beat f, lane 0 lowest, each, lowest first: bias (two's
// complement), mult (unsigned), mult where the biased sum is negative (two's complement, if any), shift (unsigned, if any).
`default_nettype none

module requantize_multiply #(
    parameter LANES      = 4,              // channels per beat
    parameter PIXELS     = 1,              // vectors side by side that share the channels' parameters
    parameter ACC_BITS   = 20,             // bits of one accumulator, two's complement
    parameter BIAS_BITS  = 20,             // bits of one bias, two's complement
    parameter OUT_BITS   = 8,              // bits of one result
    parameter OUT_SIGNED = 0,              // 1: results are two's complement (told by LOW and HIGH as well)
    parameter SHIFT      = 12,             // right shift of all channels; negative: left shift
    parameter [127:0] ROUNDING = "half_up",// half_up, floor, half_even, toward_zero, half_away or tflite_double
    parameter SATURATE   = 1,              // 1: clamp to LOW .. HIGH; 0: keep the low OUT_BITS bits
    parameter LOW        = 0,              // least result
    parameter HIGH       = 255,            // greatest result
    parameter ZERO       = 0,              // added after rounding
    parameter GAIN       = 1,              // 1 or 2
    parameter MULT_BITS  = 8,              // bits of one multiplier, unsigned
    parameter NEGATIVE_BITS = 0,           // bits of one multiplier for negative sums; 0: there is none
    parameter SHIFT_BITS = 0,              // bits of one channel's own shift; 0: there is none
    parameter LIMIT_BITS = 64,             // bits that biased sums are limited to, where results beyond are LOW or HIGH anyway
    parameter FOLDS      = 2,              // beats of one vector
    parameter FILE       = "scale.hex"     // ROM image
) (
    input  wire                             clk,      // clock
    input  wire                             rst,      // synchronous reset, active high
    input  wire                             s_valid,  // input beat offered
    output wire                             s_ready,  // input beat accepted
    input  wire [PIXELS*LANES*ACC_BITS-1:0] s_data,   // PIXELS x LANES accumulators
    output wire                             m_valid,  // output beat offered
    input  wire                             m_ready,  // output beat accepted
    output wire [PIXELS*LANES*OUT_BITS-1:0] m_data    // PIXELS x LANES results
);

  localparam unused_out_signed = OUT_SIGNED;
  localparam [127:0] TFLITE_DOUBLE = "tflite_double";
  localparam CHANNEL = BIAS_BITS + MULT_BITS + NEGATIVE_BITS + SHIFT_BITS;
  localparam GAINED  = ACC_BITS + ((GAIN == 2) ? 1 : 0);
  localparam BITS    = ((GAINED > BIAS_BITS) ? GAINED : BIAS_BITS) + 1;
  localparam OPERAND = (LIMIT_BITS < BITS) ? LIMIT_BITS : BITS;
  localparam FACTOR  = (NEGATIVE_BITS > MULT_BITS + 1) ? NEGATIVE_BITS : MULT_BITS + 1;
  localparam GATE    = MULT_BITS == 1 && NEGATIVE_BITS == 0;
  localparam BEFORE  = GATE ? 2 : 4 + ((OPERAND > 18) ? 1 : 0) + ((FACTOR > 18) ? 1 : 0);
  localparam LATENCY = BEFORE + ((ROUNDING == TFLITE_DOUBLE) ? 1 : 0) + ((SHIFT_BITS > 0) ? 1 : 0) + 2;

  wire                     enable = !m_valid || m_ready;
  wire                     scale_ready;
  wire                     beat = s_valid && s_ready;
  wire [LANES*CHANNEL-1:0] scale;
  reg  [      LATENCY-1:0] valid_q;

  assign s_ready = enable && scale_ready;
  assign m_valid = valid_q[LATENCY-1];

  cyclic_rom #(.WIDTH(LANES * CHANNEL), .DEPTH(FOLDS), .FILE(FILE)) u_scale (
      .clk(clk), .rst(rst), .ready(scale_ready), .next(beat), .data(scale)
  );

  always @(posedge clk) begin
    if (enable) valid_q <= {valid_q[LATENCY-2:0], beat};
    if (rst) valid_q <= {LATENCY{1'b0}};
  end

  genvar pixel, l;
  generate
    for (pixel = 0; pixel < PIXELS; pixel = pixel + 1) begin : g_pixel
      for (l = 0; l < LANES; l = l + 1) begin : g_lane
        multiply_lane #(
            .ACC_BITS(ACC_BITS), .BIAS_BITS(BIAS_BITS), .OUT_BITS(OUT_BITS), .SHIFT(SHIFT), .ROUNDING(ROUNDING),
            .SATURATE(SATURATE), .LOW(LOW), .HIGH(HIGH), .ZERO(ZERO), .GAIN(GAIN), .MULT_BITS(MULT_BITS),
            .NEGATIVE_BITS(NEGATIVE_BITS), .SHIFT_BITS(SHIFT_BITS), .BITS(BITS), .OPERAND(OPERAND), .FACTOR(FACTOR), .BEFORE(BEFORE)
        ) u_lane (
            .clk(clk), .enable(enable), .acc(s_data[(pixel*LANES+l)*ACC_BITS+:ACC_BITS]),
            .channel(scale[l*CHANNEL+:CHANNEL]), .y(m_data[(pixel*LANES+l)*OUT_BITS+:OUT_BITS])
        );
      end
    end
  endgenerate

endmodule

`default_nettype wire
