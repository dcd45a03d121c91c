// SPDX-License-Identifier: MIT OR Apache-2.0
// Read-only memory from a $readmemh file: registered read, and a second register. That one hides a block RAM's slow output;
// so few words that they are tables in logic have it in front, where an address has fewer bits than a word.
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

  localparam A_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam AHEAD  = (DEPTH <= 56) ? 1 : 0;

  reg  [ WIDTH-1:0] rom[0:DEPTH-1];
  reg  [ WIDTH-1:0] read_q;
  wire [A_BITS-1:0] word;

  initial $readmemh(FILE, rom);

  fetch_address #(.BITS(A_BITS), .AHEAD(AHEAD)) u_address (.clk(clk), .enable(enable), .d(address), .q(word));
  fetch_data #(.BITS(WIDTH), .AHEAD(AHEAD)) u_data (.clk(clk), .enable(enable), .d(read_q), .q(data));

  generate
    if (DEPTH == 1) begin : g_word
      wire unused = &{1'b0, word};
      always @(posedge clk) if (enable) read_q <= rom[0];
    end else begin : g_words
      always @(posedge clk) if (enable) read_q <= rom[word];
    end
  endgenerate

endmodule

`default_nettype wire
