// SPDX-License-Identifier: MIT OR Apache-2.0
// y = clamp(round((GAIN * acc + bias) / 2^SHIFT) + ZERO, LOW, HIGH), lane by lane; latency 3. One vector is FOLDS beats;
// word f of the ROM image holds the biases of beat f, two's complement, lane l at bit l * BIAS_BITS.
`default_nettype none

module requantize_shift #(
    parameter LANES      = 8,              // channels per beat
    parameter PIXELS     = 1,              // vectors side by side that share the biases
    parameter ACC_BITS   = 20,             // bits of one accumulator, two's complement
    parameter BIAS_BITS  = 20,             // bits of one bias, two's complement
    parameter OUT_BITS   = 8,              // bits of one result
    parameter OUT_SIGNED = 0,              // 1: results are two's complement (told by LOW and HIGH as well)
    parameter SHIFT      = 4,              // right shift; negative: left shift
    parameter [127:0] ROUNDING = "half_up",// half_up, floor, half_even, toward_zero or half_away
    parameter SATURATE   = 1,              // 1: clamp to LOW .. HIGH; 0: keep the low OUT_BITS bits
    parameter LOW        = 0,              // least result
    parameter HIGH       = 255,            // greatest result
    parameter ZERO       = 0,              // added after rounding
    parameter GAIN       = 1,              // 1 or 2
    parameter FOLDS      = 2,              // beats of one vector
    parameter FILE       = "bias.hex"      // ROM image
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
  localparam GAINED = ACC_BITS + ((GAIN == 2) ? 1 : 0);
  localparam BITS   = ((GAINED > BIAS_BITS) ? GAINED : BIAS_BITS) + 1;

  wire                       enable = !m_valid || m_ready;
  wire                       bias_ready;
  wire                       beat = s_valid && s_ready;
  wire [LANES*BIAS_BITS-1:0] bias;
  reg  [                2:0] valid_q;

  assign s_ready = enable && bias_ready;
  assign m_valid = valid_q[2];

  cyclic_rom #(.WIDTH(LANES * BIAS_BITS), .DEPTH(FOLDS), .FILE(FILE)) u_bias (
      .clk(clk), .rst(rst), .ready(bias_ready), .next(beat), .data(bias)
  );

  always @(posedge clk) begin
    if (enable) valid_q <= {valid_q[1:0], beat};
    if (rst) valid_q <= 3'b000;
  end

  genvar pixel, l;
  generate
    for (pixel = 0; pixel < PIXELS; pixel = pixel + 1) begin : g_pixel
      for (l = 0; l < LANES; l = l + 1) begin : g_lane
        wire signed [ ACC_BITS-1:0] acc = s_data[(pixel*LANES+l)*ACC_BITS+:ACC_BITS];
        wire signed [BIAS_BITS-1:0] offset = bias[l*BIAS_BITS+:BIAS_BITS];
        wire signed [     BITS-1:0] wide = {{(BITS - ACC_BITS) {acc[ACC_BITS-1]}}, acc};
        wire signed [     BITS-1:0] gained = (GAIN == 2) ? wide <<< 1 : wide;
        reg  signed [     BITS-1:0] biased_q;

        always @(posedge clk) if (enable) biased_q <= gained + {{(BITS - BIAS_BITS) {offset[BIAS_BITS-1]}}, offset};

        round_clamp #(
            .IN_BITS(BITS), .OUT_BITS(OUT_BITS), .SHIFT(SHIFT), .ROUNDING(ROUNDING), .SATURATE(SATURATE),
            .LOW(LOW), .HIGH(HIGH), .ZERO(ZERO)
        ) u_round (.clk(clk), .enable(enable), .v(biased_q), .y(m_data[(pixel*LANES+l)*OUT_BITS+:OUT_BITS]));
      end
    end
  endgenerate

endmodule

`default_nettype wire
