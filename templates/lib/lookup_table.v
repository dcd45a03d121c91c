// SPDX-License-Identifier: MIT OR Apache-2.0
// Any function of one element, by a table in ROM; latency 1. Word c of the image is the result for input code c.
`default_nettype none

module lookup_table #(
    parameter LANES    = 4,                // elements per beat
    parameter IN_BITS  = 8,                // bits of one element taken
    parameter OUT_BITS = 8,                // bits of one element given
    parameter FILE     = "table.hex"       // ROM image, 2^IN_BITS words
) (
    input  wire                      clk,      // clock
    input  wire                      rst,      // synchronous reset, active high
    input  wire                      s_valid,  // input beat offered
    output wire                      s_ready,  // input beat accepted
    input  wire [ LANES*IN_BITS-1:0] s_data,   // input codes
    output wire                      m_valid,  // output beat offered
    input  wire                      m_ready,  // output beat accepted
    output wire [LANES*OUT_BITS-1:0] m_data    // results
);

  reg valid_q;

  assign s_ready = !valid_q || m_ready;
  assign m_valid = valid_q;

  always @(posedge clk) begin
    if (s_ready) valid_q <= s_valid;
    if (rst) valid_q <= 1'b0;
  end

  genvar l;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      reg [OUT_BITS-1:0] rom[0:(1<<IN_BITS)-1];
      reg [OUT_BITS-1:0] result_q;
      initial $readmemh(FILE, rom);
      assign m_data[l*OUT_BITS+:OUT_BITS] = result_q;
      always @(posedge clk) if (s_ready) result_q <= rom[s_data[l*IN_BITS+:IN_BITS]];
    end
  endgenerate

endmodule

`default_nettype wire
