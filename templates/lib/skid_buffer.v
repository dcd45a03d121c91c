// SPDX-License-Identifier: MIT OR Apache-2.0
// Register slice that cuts the valid, data and ready paths between two stages; latency 1, one beat per cycle.
`default_nettype none

module skid_buffer #(
    parameter WIDTH = 8                    // bits of one beat
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire             s_valid,       // input beat offered
    output wire             s_ready,       // input beat accepted; straight from a register
    input  wire [WIDTH-1:0] s_data,        // input beat
    output wire             m_valid,       // output beat offered; straight from a register
    input  wire             m_ready,       // output beat accepted
    output wire [WIDTH-1:0] m_data         // output beat; straight from a register
);

  reg             valid_q;                 // data_q holds a beat
  reg             full_q;                  // skid_q holds the beat after it
  reg [WIDTH-1:0] data_q;
  reg [WIDTH-1:0] skid_q;

  assign s_ready = !full_q;
  assign m_valid = valid_q;
  assign m_data  = data_q;

  always @(posedge clk) begin
    if (!valid_q || m_ready) begin
      valid_q <= full_q || s_valid;
      full_q  <= 1'b0;
      data_q  <= full_q ? skid_q : s_data;
    end else if (s_valid && s_ready) begin
      full_q <= 1'b1;
    end
    if (s_ready) skid_q <= s_data;
    if (rst) begin
      valid_q <= 1'b0;
      full_q  <= 1'b0;
    end
  end

`ifdef FORMAL
  // Beats leave in the order they came: follow one, chosen at will, from its arrival to its departure.
  reg past_q = 1'b0;                       // there was a cycle before this one
  always @(posedge clk) past_q <= 1'b1;
  always @(*) if (!past_q) assume (rst);

  (* anyseq *) wire choose;
  reg [1:0] held_q;                        // beats inside
  reg [1:0] ahead_q;                       // ... that leave before the one followed
  reg       follow_q = 1'b0;
  reg [WIDTH-1:0] followed_q;
  wire      in = s_valid && s_ready;
  wire      out = m_valid && m_ready;

  always @(posedge clk) begin
    held_q <= held_q + {1'b0, in} - {1'b0, out};
    if (!follow_q && in && choose) begin
      follow_q   <= 1'b1;
      followed_q <= s_data;
      ahead_q    <= held_q - {1'b0, out};
    end else if (follow_q && out) begin
      ahead_q <= ahead_q - 2'd1;
      if (ahead_q == 2'd0) follow_q <= 1'b0;
    end
    if (rst) begin
      held_q   <= 2'd0;
      follow_q <= 1'b0;
    end
  end

  always @(posedge clk) begin
    if (past_q && !$past(rst) && $past(s_valid && !s_ready)) begin
      assume (s_valid);
      assume ($stable(s_data));
    end
    if (past_q && !$past(rst) && $past(m_valid && !m_ready) && !rst) begin
      assert (m_valid);
      assert ($stable(m_data));
    end
  end

  always @(*) begin
    if (past_q) begin
      assert (held_q == {1'b0, valid_q} + {1'b0, full_q});
      assert (valid_q || !full_q);
      if (follow_q) begin
        assert (ahead_q < held_q);
        assert (followed_q == ((ahead_q == 2'd0) ? data_q : skid_q));
      end
    end
    cover (past_q && held_q == 2'd2);
    cover (past_q && follow_q && ahead_q == 2'd1 && out);
  end
`endif

endmodule

`default_nettype wire
