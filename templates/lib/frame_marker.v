// SPDX-License-Identifier: MIT OR Apache-2.0
// Marks the last beat of every frame by counting. Combinational path, latency 0.
`default_nettype none

module frame_marker #(
    parameter WIDTH = 8,                   // bits of one beat
    parameter BEATS = 4                    // beats of one frame
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire             s_valid,       // input beat offered
    output wire             s_ready,       // input beat accepted
    input  wire [WIDTH-1:0] s_data,        // input beat
    output wire             m_valid,       // output beat offered
    input  wire             m_ready,       // output beat accepted
    output wire [WIDTH-1:0] m_data,        // output beat
    output wire             m_last         // this is the last beat of its frame
);

  assign s_ready = m_ready;
  assign m_valid = s_valid;
  assign m_data  = s_data;

  loop_counter #(.LENGTH(BEATS)) u_beats (.clk(clk), .rst(rst), .step(s_valid && m_ready), .at_end(m_last));

`ifdef FORMAL
  // Beats pass untouched; the mark itself is the counter's contract.
  reg past_q = 1'b0;                       // there was a cycle before this one
  always @(posedge clk) past_q <= 1'b1;
  always @(*) if (!past_q) assume (rst);

  always @(posedge clk) begin
    if (past_q && !$past(rst) && $past(s_valid && !s_ready)) begin
      assume (s_valid);
      assume ($stable(s_data));
    end
    if (past_q && !$past(rst) && !rst && $past(m_valid && !m_ready)) begin
      assert (m_valid);
      assert ($stable(m_data));
    end
  end

  always @(*) begin
    assert ((m_valid && m_ready) == (s_valid && s_ready));
    assert (m_data == s_data);
    cover (past_q && m_valid && m_last);
  end
`endif

endmodule

`default_nettype wire
