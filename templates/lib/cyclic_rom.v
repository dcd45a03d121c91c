// SPDX-License-Identifier: MIT OR Apache-2.0
// A ROM read from its first to its last word over and over. The word is fetched ahead: `data` belongs to the beat
// offered now, at no latency. Not ready in the two cycles after reset.
`default_nettype none

module cyclic_rom #(
    parameter WIDTH = 8,                   // bits of one word
    parameter DEPTH = 4,                   // words
    parameter FILE  = "weights.hex"        // image, one word per line
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    output wire             ready,         // data is the word wanted
    input  wire             next,          // go on to the next word; only when ready
    output wire [WIDTH-1:0] data           // the word
);

  localparam ADDRESS_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1;

  reg  [             1:0] primed_q;        // registers of the ROM that hold a word
  reg  [ADDRESS_BITS-1:0] address_q;
  wire [ADDRESS_BITS-1:0] address_d;
  wire                    enable = next || !ready;

  assign ready = primed_q[1];

  ring_step #(.DEPTH(DEPTH), .STEP(1 % DEPTH)) u_step (.from(address_q), .to(address_d));

  weight_rom #(.WIDTH(WIDTH), .DEPTH(DEPTH), .FILE(FILE)) u_rom (
      .clk(clk), .enable(enable), .address(address_q), .data(data)
  );

  always @(posedge clk) begin
    primed_q <= {primed_q[0], 1'b1};
    if (enable) address_q <= address_d;
    if (rst) begin
      primed_q  <= 2'b00;
      address_q <= {ADDRESS_BITS{1'b0}};
    end
  end

endmodule

`default_nettype wire
