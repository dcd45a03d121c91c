// SPDX-License-Identifier: MIT OR Apache-2.0
// Registers in a row.
`default_nettype none

module delay #(
    parameter BITS   = 8,                  // bits of the value
    parameter CYCLES = 1                   // registers, from 0
) (
    input  wire            clk,            // clock
    input  wire [BITS-1:0] d,              // value
    output wire [BITS-1:0] q               // the value, CYCLES cycles later
);

  genvar i;
  generate
    for (i = 0; i <= CYCLES; i = i + 1) begin : g_stage
      wire [BITS-1:0] value;
      if (i == 0) begin : g_now
        assign value = d;
      end else begin : g_later
        reg [BITS-1:0] value_q;
        always @(posedge clk) value_q <= g_stage[i-1].value;
        assign value = value_q;
      end
    end
    if (CYCLES == 0) begin : g_none
      wire unused = &{1'b0, clk};
    end
  endgenerate

  assign q = g_stage[CYCLES].value;

endmodule

`default_nettype wire
