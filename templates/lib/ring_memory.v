// SPDX-License-Identifier: MIT OR Apache-2.0
// Memory with one write port and one registered read port. The user never reads a word in the cycle that writes it
// (or ignores what it read), so no bypass is built and block RAM fits.
`default_nettype none

module ring_memory #(
    parameter WIDTH = 8,                   // bits of one word
    parameter DEPTH = 4                    // words
) (
    input  wire                                              clk,            // clock
    input  wire                                              write,          // store write_data
    input  wire [((DEPTH > 1) ? $clog2(DEPTH) : 1) - 1:0]    write_address,  // where to
    input  wire [WIDTH-1:0]                                  write_data,     // word to store
    input  wire                                              read,           // load read_data
    input  wire [((DEPTH > 1) ? $clog2(DEPTH) : 1) - 1:0]    read_address,   // where from
    output wire [WIDTH-1:0]                                  read_data       // word read, one cycle later
);

  reg [WIDTH-1:0] read_q;

  assign read_data = read_q;

  generate
    if (DEPTH == 1) begin : g_word
      reg [WIDTH-1:0] word_q;
      always @(posedge clk) begin
        if (write) word_q <= write_data;
        if (read) read_q <= word_q;
      end
      wire unused = &{1'b0, write_address, read_address};
    end else begin : g_memory
      (* no_rw_check *)
      reg [WIDTH-1:0] memory[0:DEPTH-1];
      always @(posedge clk) begin
        if (write) memory[write_address] <= write_data;
        if (read) read_q <= memory[read_address];
      end
    end
  endgenerate

endmodule

`default_nettype wire
