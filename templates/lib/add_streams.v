// SPDX-License-Identifier: MIT OR Apache-2.0
// Sum of OPERANDS streams, lane by lane; a beat is taken from all of them at once. Latency 1.
`default_nettype none

module add_streams #(
    parameter LANES    = 2,                // elements per beat
    parameter OPERANDS = 2,                // streams
    parameter [OPERANDS*32-1:0] BITS = {OPERANDS{32'd8}},   // bits of one element of each stream, stream 0 lowest
    parameter [OPERANDS*32-1:0] SIGNED = {OPERANDS{32'd1}}, // 1: elements of that stream are two's complement
    parameter [OPERANDS*32-1:0] BIPOLAR = {OPERANDS{32'd0}}, // 1: elements of that stream are a bit, which stands for -1 or 1
    parameter [OPERANDS*32-1:0] FIRST = {32'd16, 32'd0},    // lowest bit of the beat of each stream in s_data
    parameter S_BITS   = 32,               // bits of all beats
    parameter OUT_BITS = 9                 // bits of one sum, two's complement
) (
    input  wire                             clk,      // clock
    input  wire                             rst,      // synchronous reset, active high
    input  wire [             OPERANDS-1:0] s_valid,  // input beats offered
    output wire [             OPERANDS-1:0] s_ready,  // input beats accepted
    input  wire [               S_BITS-1:0] s_data,   // input beats, that of stream 0 lowest
    output wire                             m_valid,  // output beat offered
    input  wire                             m_ready,  // output beat accepted
    output wire [       LANES*OUT_BITS-1:0] m_data    // sums
);

  reg  valid_q;
  wire enable = !valid_q || m_ready;
  wire beat = &s_valid && enable;

  assign s_ready = {OPERANDS{beat}};
  assign m_valid = valid_q;

  always @(posedge clk) begin
    if (enable) valid_q <= beat;
    if (rst) valid_q <= 1'b0;
  end

  genvar l, i;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      wire [OPERANDS*OUT_BITS-1:0] partial;   // sums of the first operands
      reg  [         OUT_BITS-1:0] sum_q;

      for (i = 0; i < OPERANDS; i = i + 1) begin : g_operand
        localparam OWN = BITS[i*32+:32];
        localparam IS_SIGNED = SIGNED[i*32+:32];
        wire [     OWN-1:0] element = s_data[FIRST[i*32+:32]+l*OWN+:OWN];
        wire [OUT_BITS-1:0] wide;
        if (BIPOLAR[i*32+:32] != 0) begin : g_bipolar
          assign wide = {{(OUT_BITS - 1) {!element[0]}}, 1'b1};
        end else if (OUT_BITS > OWN) begin : g_extend
          assign wide = {{(OUT_BITS - OWN) {(IS_SIGNED != 0) && element[OWN-1]}}, element};
        end else begin : g_same
          // What the sum's range rules out need not be read.
          wire unused = &{1'b0, element};
          assign wide = element[OUT_BITS-1:0];
        end
        if (i == 0) begin : g_first
          assign partial[OUT_BITS-1:0] = wide;
        end else begin : g_next
          assign partial[i*OUT_BITS+:OUT_BITS] = partial[(i-1)*OUT_BITS+:OUT_BITS] + wide;
        end
      end

      assign m_data[l*OUT_BITS+:OUT_BITS] = sum_q;
      always @(posedge clk) if (beat) sum_q <= partial[(OPERANDS-1)*OUT_BITS+:OUT_BITS];
    end
  endgenerate

endmodule

`default_nettype wire
