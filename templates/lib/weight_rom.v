// SPDX-License-Identifier: MIT OR Apache-2.0
// Read-only memory from a $readmemh file: registered read, then a second register that hides the block RAM's slow output.
`default_nettype none

module weight_rom #(
    parameter WIDTH = 8,                   // bits of one word
    parameter DEPTH = 4,                   // words
    parameter FILE  = "weights.hex"        // image, one word per line
) (
    input  wire                                           clk,     // clock
    input  wire                                           enable,  // both registers load
    input  wire [((DEPTH > 1) ? $clog2(DEPTH) : 1) - 1:0] address, // word to read
    output wire [WIDTH-1:0]                               data     // word read, two enabled cycles later
);

  reg [WIDTH-1:0] rom[0:DEPTH-1];
  reg [WIDTH-1:0] read_q;
  reg [WIDTH-1:0] data_q;

  assign data = data_q;

  initial $readmemh(FILE, rom);

  generate
    if (DEPTH == 1) begin : g_word
      wire unused = &{1'b0, address};
      always @(posedge clk) if (enable) read_q <= rom[0];
    end else begin : g_words
      always @(posedge clk) if (enable) read_q <= rom[address];
    end
  endgenerate

  always @(posedge clk) if (enable) data_q <= read_q;

endmodule

`default_nettype wire
