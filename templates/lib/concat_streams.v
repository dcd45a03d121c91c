// SPDX-License-Identifier: MIT OR Apache-2.0
// The vectors of OPERANDS streams, one behind the other: all beats of a vector of stream 0, then of stream 1 and so on.
// Latency 1.
`default_nettype none

module concat_streams #(
    parameter WIDTH    = 8,                // bits of one beat
    parameter OPERANDS = 2,                // streams
    parameter [OPERANDS*32-1:0] BEATS = {OPERANDS{32'd1}} // beats of one vector of each stream, stream 0 lowest
) (
    input  wire                      clk,      // clock
    input  wire                      rst,      // synchronous reset, active high
    input  wire [      OPERANDS-1:0] s_valid,  // input beats offered
    output wire [      OPERANDS-1:0] s_ready,  // input beats accepted
    input  wire [OPERANDS*WIDTH-1:0] s_data,   // input beats, that of stream 0 lowest
    output wire                      m_valid,  // output beat offered
    input  wire                      m_ready,  // output beat accepted
    output wire [         WIDTH-1:0] m_data    // output beat
);

  reg  [OPERANDS-1:0] turn_q;              // whose beat is next: one of them
  wire [OPERANDS-1:0] at_end;              // the beat is the last of its vector
  wire [OPERANDS-1:0] after = {turn_q[OPERANDS-2:0], turn_q[OPERANDS-1]};
  reg                 valid_q;
  reg  [   WIDTH-1:0] data_q;
  wire                enable = !valid_q || m_ready;
  wire [OPERANDS-1:0] beat = s_valid & s_ready;
  reg  [   WIDTH-1:0] chosen;
  integer             i;

  assign s_ready = turn_q & {OPERANDS{enable}};
  assign m_valid = valid_q;
  assign m_data  = data_q;

  always @(*) begin
    chosen = {WIDTH{1'b0}};
    for (i = 0; i < OPERANDS; i = i + 1) chosen = chosen | (s_data[i*WIDTH+:WIDTH] & {WIDTH{turn_q[i]}});
  end

  always @(posedge clk) begin
    if (enable) valid_q <= |beat;
    if (enable) data_q <= chosen;
    if (|(beat & at_end)) turn_q <= after;
    if (rst) begin
      valid_q <= 1'b0;
      turn_q  <= {{(OPERANDS - 1) {1'b0}}, 1'b1};
    end
  end

  genvar s;
  generate
    for (s = 0; s < OPERANDS; s = s + 1) begin : g_stream
      loop_counter #(.LENGTH(BEATS[s*32+:32])) u_beats (.clk(clk), .rst(rst), .step(beat[s]), .at_end(at_end[s]));
    end
  endgenerate

endmodule

`default_nettype wire
