// SPDX-License-Identifier: MIT OR Apache-2.0
// Counts tokens, a few of them in unary; whether there is any comes straight from a register, and a cycle before as well.
`default_nettype none

module token_count #(
    parameter COUNT = 2,                   // tokens at most
    parameter START = 0                    // tokens after reset: 0, or else COUNT
) (
    input  wire clk,                       // clock
    input  wire rst,                       // synchronous reset, active high
    input  wire add,                       // a token comes; only when there are less than COUNT, or one goes
    input  wire take,                      // a token goes; only when there is one
    output wire any,                       // there is one
    output wire any_next                   // there will be one
);

  generate
    if (COUNT > 8) begin : g_binary
      localparam BITS = $clog2(COUNT + 1);
      localparam [BITS-1:0] FIRST = (START != 0) ? COUNT[BITS-1:0] : {BITS{1'b0}};
      localparam [BITS-1:0] ONE = 1;

      reg [BITS-1:0] held_q;
      reg            any_q;

      assign any      = any_q;
      assign any_next = (add != take) ? (add || held_q != ONE) : any_q;

      always @(posedge clk) begin
        if (add != take) held_q <= add ? held_q + ONE : held_q - ONE;
        any_q <= any_next;
        if (rst) begin
          held_q <= FIRST;
          any_q  <= START != 0;
        end
      end
    end else begin : g_unary
      reg  [COUNT-1:0] held_q;             // as many low bits as there are tokens
      wire [  COUNT:0] held = {1'b0, held_q};
      genvar           i;

      assign any      = held_q[0];
      assign any_next = take ? (add ? held[0] : held[1]) : (add || held[0]);

      for (i = 0; i < COUNT; i = i + 1) begin : g_token
        wire below;
        if (i == 0) begin : g_lowest
          assign below = 1'b1;
        end else begin : g_higher
          assign below = held_q[i-1];
        end
        always @(posedge clk) begin
          held_q[i] <= take ? (add ? held[i] : held[i+1]) : (add ? below : held[i]);
          if (rst) held_q[i] <= (START != 0);
        end
      end
    end
  endgenerate

endmodule

`default_nettype wire
