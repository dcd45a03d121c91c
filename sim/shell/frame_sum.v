// SPDX-License-Identifier: MIT OR Apache-2.0
// Stands where a network would: gives the sum of a frame's beats.
`default_nettype none

module frame_sum (
    input  wire        clk,      // clock
    input  wire        rst,      // synchronous reset
    input  wire        stall,    // takes nothing while high
    input  wire        s_valid,
    output wire        s_ready,
    input  wire [15:0] s_data,
    input  wire        s_last,
    output reg         m_valid,
    input  wire        m_ready,
    output reg  [15:0] m_data
);

  reg [15:0] sum_q;

  assign s_ready = !m_valid && !stall;

  always @(posedge clk) begin
    if (m_valid && m_ready) m_valid <= 1'b0;
    if (s_valid && s_ready) begin
      sum_q <= s_last ? 16'd0 : sum_q + s_data;
      if (s_last) begin
        m_valid <= 1'b1;
        m_data  <= sum_q + s_data;
      end
    end
    if (rst) begin
      m_valid <= 1'b0;
      sum_q   <= 16'd0;
    end
  end

endmodule

`default_nettype wire
