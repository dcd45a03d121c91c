// SPDX-License-Identifier: MIT OR Apache-2.0
// Gathers bytes into beats, the first byte in the lowest bits, and marks the last beat of each frame.
`default_nettype none

module bytes_to_stream #(
    parameter BYTES = 1,                  // bytes of a beat
    parameter BEATS = 1                   // beats of a frame
) (
    input  wire               clk,        // clock
    input  wire               rst,        // synchronous reset; the next byte begins a frame
    input  wire               s_valid,    // a byte came; it cannot wait
    input  wire [        7:0] s_data,     // that byte
    output reg                m_valid,    // beat offered
    input  wire               m_ready,    // beat taken
    output reg  [8*BYTES-1:0] m_data,     // beat
    output reg                m_last,     // the last of its frame
    output reg                overrun     // a byte came while its beat was still waiting, and was lost; stays set
);

  localparam BYTE_BITS = BYTES > 1 ? $clog2(BYTES) : 1;
  localparam BEAT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam [BYTE_BITS-1:0] LAST_BYTE = BYTES[BYTE_BITS-1:0] - 1'b1;
  localparam [BEAT_BITS-1:0] LAST_BEAT = BEATS[BEAT_BITS-1:0] - 1'b1;

  reg [BYTE_BITS-1:0] byte_q;
  reg [BEAT_BITS-1:0] beat_q;

  always @(posedge clk) begin
    if (m_valid && m_ready) m_valid <= 1'b0;
    if (s_valid) begin
      if (m_valid && !m_ready) begin
        overrun <= 1'b1;
      end else begin
        m_data <= m_data >> 8;
        m_data[8*BYTES-1-:8] <= s_data;
        byte_q <= byte_q + 1'b1;
        if (byte_q == LAST_BYTE) begin
          byte_q  <= {BYTE_BITS{1'b0}};
          m_valid <= 1'b1;
          m_last  <= beat_q == LAST_BEAT;
          beat_q  <= beat_q == LAST_BEAT ? {BEAT_BITS{1'b0}} : beat_q + 1'b1;
        end
      end
    end
    if (rst) begin
      byte_q  <= {BYTE_BITS{1'b0}};
      beat_q  <= {BEAT_BITS{1'b0}};
      m_valid <= 1'b0;
      overrun <= 1'b0;
    end
  end

endmodule

`default_nettype wire
