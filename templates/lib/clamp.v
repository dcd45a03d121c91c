// SPDX-License-Identifier: MIT OR Apache-2.0
// y = v limited to LOW .. HIGH, or the low bits of v. Latency 1 enabled cycle.
`default_nettype none

module clamp #(
    parameter IN_BITS    = 18,             // bits of v
    parameter OUT_BITS   = 8,              // bits of y, less than IN_BITS
    parameter SATURATE   = 1,              // 1: limit to LOW .. HIGH; 0: keep the low OUT_BITS bits
    parameter LOW        = 0,              // least y
    parameter HIGH       = 255             // greatest y
) (
    input  wire                      clk,     // clock
    input  wire                      enable,  // the register loads
    input  wire signed [IN_BITS-1:0] v,       // value
    output wire [OUT_BITS-1:0]       y        // limited value
);

  reg [OUT_BITS-1:0] y_q;

  assign y = y_q;

  generate
    if (SATURATE == 0) begin : g_wrap
      always @(posedge clk) if (enable) y_q <= v[OUT_BITS-1:0];
      wire unused = &{1'b0, v[IN_BITS-1:OUT_BITS]};
    end else begin : g_saturate
      localparam BITS = ((IN_BITS < 32) ? 32 : IN_BITS) + 1;
      localparam signed [31:0] LOW_32  = LOW;
      localparam signed [31:0] HIGH_32 = HIGH;
      localparam signed [BITS-1:0] MINIMUM = {{(BITS - 32) {LOW_32[31]}}, LOW_32};
      localparam signed [BITS-1:0] MAXIMUM = {{(BITS - 32) {HIGH_32[31]}}, HIGH_32};
      // The highest bit of a limit 2^k - 1 or -2^k; comparing with those needs the bits above it alone.
      localparam MASK_BITS = $clog2(HIGH_32 + 1);
      localparam MASKED    = HIGH_32 > 0 && HIGH_32 + 1 == (1 << MASK_BITS) && MASK_BITS < IN_BITS - 1;
      wire below, above;

      if (MASKED && (LOW_32 == 0 || LOW_32 == -HIGH_32 - 1)) begin : g_mask
        wire negative = v[IN_BITS-1];
        assign above = !negative && |v[IN_BITS-2:MASK_BITS];
        assign below = negative && (LOW_32 == 0 || !(&v[IN_BITS-2:MASK_BITS]));
      end else begin : g_compare
        wire signed [BITS-1:0] wide = {{(BITS - IN_BITS) {v[IN_BITS-1]}}, v};
        assign below = wide < MINIMUM;
        assign above = wide > MAXIMUM;
      end

      always @(posedge clk) if (enable)
        y_q <= below ? MINIMUM[OUT_BITS-1:0] : above ? MAXIMUM[OUT_BITS-1:0] : v[OUT_BITS-1:0];
    end
  endgenerate

endmodule

`default_nettype wire
