// SPDX-License-Identifier: MIT OR Apache-2.0
// Checks tlast against a beat count and always hands on whole frames: a short frame is completed with zero beats,
// the surplus of a long one is discarded up to its last beat. Combinational path, latency 0.
`default_nettype none

module frame_guard #(
    parameter WIDTH = 8,                   // bits of one beat
    parameter BEATS = 4                    // beats of one frame
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire             s_valid,       // input beat offered
    output wire             s_ready,       // input beat accepted
    input  wire [WIDTH-1:0] s_data,        // input beat
    input  wire             s_last,        // sender's mark on the last beat of a frame
    output wire             m_valid,       // output beat offered
    input  wire             m_ready,       // output beat accepted
    output wire [WIDTH-1:0] m_data,        // output beat
    output wire             frame_error    // a frame had the wrong length; stays set until reset
);

  reg                  fill_q;             // the frame was short: completing it with zeros
  reg                  drop_q;             // the frame was long: discarding its surplus
  reg                  error_q;

  wire at_last;
  wire taken   = m_valid && m_ready;

  assign m_valid     = fill_q || (s_valid && !drop_q);
  assign m_data      = fill_q ? {WIDTH{1'b0}} : s_data;
  assign s_ready     = drop_q || (m_ready && !fill_q);
  assign frame_error = error_q;

  loop_counter #(.LENGTH(BEATS)) u_beats (.clk(clk), .rst(rst), .step(taken), .at_end(at_last));

  always @(posedge clk) begin
    if (taken) begin
      fill_q  <= !at_last && (fill_q || s_last);
      if (!fill_q && at_last && !s_last) drop_q <= 1'b1;
      if (!fill_q && at_last != s_last) error_q <= 1'b1;
    end
    if (drop_q && s_valid && s_last) drop_q <= 1'b0;
    if (rst) begin
      fill_q  <= 1'b0;
      drop_q  <= 1'b0;
      error_q <= 1'b0;
    end
  end

`ifdef FORMAL
  // What goes out comes in, in its order, or is a zero that completes a frame; after a last beat comes a frame's first.
  reg past_q = 1'b0;                       // there was a cycle before this one
  always @(posedge clk) past_q <= 1'b1;
  always @(*) if (!past_q) assume (rst);

  reg  start_q;                            // no beat of this frame was handed on yet
  reg  fresh_q;                            // the last beat taken, if any, was marked last
  wire in = s_valid && s_ready;

  always @(posedge clk) begin
    if (taken) start_q <= at_last;
    if (in) fresh_q <= s_last;
    if (rst) begin
      start_q <= 1'b1;
      fresh_q <= 1'b1;
    end
  end

  always @(posedge clk) begin
    if (past_q && !$past(rst) && $past(s_valid && !s_ready)) begin
      assume (s_valid);
      assume ($stable(s_data));
      assume ($stable(s_last));
    end
    if (past_q && !$past(rst) && !rst && $past(m_valid && !m_ready)) begin
      assert (m_valid);
      assert ($stable(m_data));
    end
  end

  always @(*) begin
    if (past_q) begin
      assert (!fill_q || (!start_q && fresh_q));
      assert (!drop_q || (start_q && !fresh_q));
      assert (fill_q || drop_q || fresh_q == start_q);
      if (in && fresh_q) assert (start_q);                   // in step again, whatever went before
      if (taken) assert (m_data == (fill_q ? {WIDTH{1'b0}} : s_data));
      if (taken && !fill_q) assert (in);                     // nothing twice
      if (in && !drop_q) assert (taken);                     // nothing lost but a surplus
    end
    cover (past_q && (fill_q || BEATS == 1) && taken);
    cover (past_q && drop_q && in && s_last);
    cover (past_q && error_q && fresh_q && in);
  end
  always @(posedge clk)
    if (past_q && !$past(rst) && !$past(error_q) && error_q) assert ($past(taken && at_last != s_last));
`endif

endmodule

`default_nettype wire
