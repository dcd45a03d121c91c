// SPDX-License-Identifier: MIT OR Apache-2.0
// Drives a leaf from a file and compares what it yields with another; stalls at random in its second phase.
`default_nettype none

module stream_check #(
    parameter IN_WIDTH  = 8,               // bits of one input beat
    parameter OUT_WIDTH = 8,               // bits of one output beat
    parameter IN_BEATS  = 4,               // beats to send
    parameter OUT_BEATS = 4,               // beats to expect
    parameter NAME      = "name",          // of the case
    parameter SEED      = 1,               // of the stalls
    parameter IN_FILE   = "in.hex",        // input beats
    parameter OUT_FILE  = "out.hex"        // expected output beats
) (
    input  wire                 clk,       // clock
    input  wire                 rst,       // synchronous reset; every reset starts over
    input  wire                 stall,     // 1: idle and refuse at random
    output wire                 done,      // all beats came and none after them for a while
    output reg  [31:0]          errors,    // of this phase
    output wire                 s_valid,   // towards the leaf
    input  wire                 s_ready,
    output wire [IN_WIDTH-1:0]  s_data,
    input  wire                 m_valid,   // from the leaf
    output wire                 m_ready,
    input  wire [OUT_WIDTH-1:0] m_data
);

  reg [ IN_WIDTH-1:0] sent[0:IN_BEATS-1];
  reg [OUT_WIDTH-1:0] expected[0:OUT_BEATS-1];
  initial $readmemh(IN_FILE, sent);
  initial $readmemh(OUT_FILE, expected);

  integer             in_q, out_q, cycle_q, quiet_q, first_in_q, first_out_q, last_out_q;
  reg [31:0]          noise_q;
  reg                 offer_q, accept_q, held_q;
  reg [OUT_WIDTH-1:0] held_data_q;

  assign s_valid = offer_q && in_q < IN_BEATS;
  assign s_data  = s_valid ? sent[in_q] : ~sent[0];
  assign m_ready = accept_q;
  assign done    = quiet_q > 64;

  always @(posedge clk) begin
    noise_q <= {noise_q[30:0], noise_q[31] ^ noise_q[21] ^ noise_q[1] ^ noise_q[0]};
    cycle_q <= cycle_q + 1;
    accept_q <= !stall || noise_q[0] ^ noise_q[7] || noise_q[20:18] == 3'd0;
    if (!s_valid || s_ready) offer_q <= !stall || noise_q[3] ^ noise_q[11];
    if (s_valid && s_ready) in_q <= in_q + 1;
    if (s_valid && s_ready && in_q == 0) first_in_q <= cycle_q;
    held_q      <= m_valid && !m_ready;
    held_data_q <= m_data;
    if (held_q && (!m_valid || m_data !== held_data_q)) begin
      $display("CASE %0s: beat %0d changed while it waited", NAME, out_q);
      errors <= errors + 1;
    end
    if (m_valid && m_ready) begin
      out_q <= out_q + 1;
      last_out_q <= cycle_q;
      if (out_q == 0) first_out_q <= cycle_q;
      if (out_q >= OUT_BEATS) begin
        $display("CASE %0s: surplus beat %h", NAME, m_data);
        errors <= errors + 1;
      end else if (m_data !== expected[out_q]) begin
        if (errors < 4) $display("CASE %0s: beat %0d is %h, not %h", NAME, out_q, m_data, expected[out_q]);
        errors <= errors + 1;
      end
    end
    if (out_q >= OUT_BEATS) quiet_q <= quiet_q + 1;
    if (quiet_q == 64)
      $display("RESULT %0s stall=%0d errors=%0d first=%0d span=%0d accepted=%0d", NAME, stall, errors, first_out_q - first_in_q,
               last_out_q - first_out_q, in_q);
    if (rst) begin
      in_q <= 0;
      out_q <= 0;
      cycle_q <= 0;
      quiet_q <= 0;
      first_in_q <= 0;
      first_out_q <= 0;
      last_out_q <= 0;
      errors <= 0;
      noise_q <= SEED;
      offer_q <= 1'b0;
      accept_q <= 1'b0;
      held_q <= 1'b0;
    end
  end

endmodule

`default_nettype wire
