// SPDX-License-Identifier: MIT OR Apache-2.0
// The same values in more bits: bipolar (0 for -1, 1 for +1) or unsigned to two's complement. Wires only; latency 0.
`default_nettype none

module recode #(
    parameter LANES    = 1,                // elements per beat
    parameter IN_BITS  = 1,                // bits of an element taken; 1 when bipolar
    parameter OUT_BITS = 2,                // bits of an element given, more than IN_BITS
    parameter BIPOLAR  = 1                 // 1: from bipolar; 0: from unsigned
) (
    input  wire                      clk,      // clock; unused, as every leaf has one
    input  wire                      rst,      // reset; unused
    input  wire                      s_valid,  // input beat offered
    output wire                      s_ready,  // input beat accepted
    input  wire [ LANES*IN_BITS-1:0] s_data,   // input beat
    output wire                      m_valid,  // output beat offered
    input  wire                      m_ready,  // output beat accepted
    output wire [LANES*OUT_BITS-1:0] m_data    // output beat
);

  wire unused = &{1'b0, clk, rst};

  assign s_ready = m_ready;
  assign m_valid = s_valid;

  genvar i;
  generate
    for (i = 0; i < LANES; i = i + 1) begin : g_lane
      wire [IN_BITS-1:0] element = s_data[i*IN_BITS+:IN_BITS];
      if (BIPOLAR != 0) begin : g_bipolar
        assign m_data[i*OUT_BITS+:OUT_BITS] = {{(OUT_BITS - 1) {~element[0]}}, 1'b1};
      end else begin : g_unsigned
        assign m_data[i*OUT_BITS+:OUT_BITS] = {{(OUT_BITS - IN_BITS) {1'b0}}, element};
      end
    end
  endgenerate

endmodule

`default_nettype wire
