// SPDX-License-Identifier: MIT OR Apache-2.0
// Changes the lanes per beat of a stream of vectors; beats that would hold padding alone do not exist on either side.
// The narrow side moves one beat per cycle. Latency 1 (0 when the lane counts are equal).
`default_nettype none

module width_converter #(
    parameter BITS      = 8,               // bits of one element
    parameter IN_LANES  = 2,               // elements per input beat; divides OUT_LANES or is divided by it
    parameter OUT_LANES = 4,               // elements per output beat
    parameter LENGTH    = 10               // elements of one vector
) (
    input  wire                      clk,      // clock
    input  wire                      rst,      // synchronous reset, active high
    input  wire                      s_valid,  // input beat offered
    output wire                      s_ready,  // input beat accepted
    input  wire [ IN_LANES*BITS-1:0] s_data,   // input beat, lowest element first
    output wire                      m_valid,  // output beat offered
    input  wire                      m_ready,  // output beat accepted
    output wire [OUT_LANES*BITS-1:0] m_data    // output beat, lowest element first
);

  localparam IN_WIDTH   = IN_LANES * BITS;
  localparam OUT_WIDTH  = OUT_LANES * BITS;
  localparam NARROW     = (IN_LANES < OUT_LANES) ? IN_LANES : OUT_LANES;
  localparam WIDE       = (IN_LANES < OUT_LANES) ? OUT_LANES : IN_LANES;
  localparam RATIO      = WIDE / NARROW;
  localparam BEATS      = (LENGTH + NARROW - 1) / NARROW;       // narrow beats of one vector
  localparam PHASE_BITS = (RATIO > 1) ? $clog2(RATIO) : 1;
  localparam BEAT_BITS  = (BEATS > 1) ? $clog2(BEATS) : 1;
  localparam [PHASE_BITS-1:0] LAST_PHASE = RATIO[PHASE_BITS-1:0] - 1'b1;
  localparam [ BEAT_BITS-1:0] LAST_BEAT  = BEATS[BEAT_BITS-1:0] - 1'b1;

`ifdef FORMAL
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
`endif

  generate
    if (RATIO == 1) begin : g_equal
      assign s_ready = m_ready;
      assign m_valid = s_valid;
      assign m_data  = s_data;
      wire unused = &{1'b0, clk, rst};
    end else begin : g_convert
      reg [PHASE_BITS-1:0] phase_q;        // narrow beats of this wide beat passed
      reg [ BEAT_BITS-1:0] beat_q;         // narrow beats of this vector passed
      reg                  valid_q;
      wire                 narrow;         // a narrow beat passes now
      reg                  at_end_q;       // ... and the next is the vector's last
      reg                  ends_q;         // ... or the wide beat's
      wire [PHASE_BITS-1:0] phase_d = ends_q ? {PHASE_BITS{1'b0}} : phase_q + 1'b1;
      wire [ BEAT_BITS-1:0] beat_d = at_end_q ? {BEAT_BITS{1'b0}} : beat_q + 1'b1;

      assign m_valid = valid_q;

      always @(posedge clk) begin
        if (narrow) begin
          phase_q <= phase_d;
          beat_q  <= beat_d;
          at_end_q  <= beat_d == LAST_BEAT;
          ends_q    <= beat_d == LAST_BEAT || phase_d == LAST_PHASE;
        end
        if (rst) begin
          at_end_q  <= BEATS == 1;
          ends_q    <= BEATS == 1;
          phase_q <= {PHASE_BITS{1'b0}};
          beat_q  <= {BEAT_BITS{1'b0}};
        end
      end

`ifdef FORMAL
      // Every beat taken is given once, in its order; the phase follows the beat's place in its vector (RATIO 2 or 4).
      always @(*) if (past_q) assert (phase_q == beat_q[PHASE_BITS-1:0] && beat_q <= LAST_BEAT);
      always @(*) if (past_q) assert (at_end_q == (beat_q == LAST_BEAT) && ends_q == (at_end_q || phase_q == LAST_PHASE));
      reg vector_done_q = 1'b0;
      always @(posedge clk) if (past_q && !rst && narrow && at_end_q) vector_done_q <= 1'b1;
      always @(*) cover (vector_done_q && m_valid && m_ready);
`endif

      if (IN_LANES > OUT_LANES) begin : g_down
        reg [IN_WIDTH-1:0] word_q;

        assign m_data  = word_q[OUT_WIDTH-1:0];
        assign narrow  = valid_q && m_ready;
        assign s_ready = !valid_q || (m_ready && ends_q);

        always @(posedge clk) begin
          if (s_ready) begin
            valid_q <= s_valid;
            word_q  <= s_data;
          end else if (m_ready) begin
            word_q <= {{OUT_WIDTH{1'b0}}, word_q[IN_WIDTH-1:OUT_WIDTH]};
          end
          if (rst) valid_q <= 1'b0;
        end

`ifdef FORMAL
        reg [IN_WIDTH-1:0] beat_taken_q;   // all of the wide beat being given
        always @(posedge clk) if (s_valid && s_ready) beat_taken_q <= s_data;
        always @(*) if (past_q && valid_q) assert (word_q == beat_taken_q >> (phase_q * OUT_WIDTH));
        always @(*) if (past_q && !valid_q) assert (phase_q == {PHASE_BITS{1'b0}});
        always @(*) if (narrow && ends_q) assert (s_ready);    // one wide beat ends_q, the next may come
        always @(*) if (s_ready && valid_q) assert (narrow && ends_q);
`endif
      end else begin : g_up
        reg [OUT_WIDTH-1:0] word_q;
        wire [RATIO-1:0]    write;         // slot of the wide beat that the input beat goes to
        genvar i;

        assign m_data  = word_q;
        assign s_ready = !valid_q || m_ready;
        assign narrow  = s_valid && s_ready;

        for (i = 0; i < RATIO; i = i + 1) begin : g_slot
          assign write[i] = phase_q == i[PHASE_BITS-1:0];
          always @(posedge clk) begin
            if (narrow && write[i]) word_q[i*IN_WIDTH+:IN_WIDTH] <= s_data;
            else if (narrow && write[0]) word_q[i*IN_WIDTH+:IN_WIDTH] <= {IN_WIDTH{1'b0}};
          end
        end

        always @(posedge clk) begin
          if (s_ready) valid_q <= narrow && ends_q;
          if (rst) valid_q <= 1'b0;
        end

`ifdef FORMAL
        reg [OUT_WIDTH-1:0] gathered_q;    // narrow beats of the wide one being filled or given
        always @(posedge clk)
          if (narrow)
            gathered_q <= (s_data << (phase_q * IN_WIDTH)) | ((phase_q == {PHASE_BITS{1'b0}}) ? {OUT_WIDTH{1'b0}} : gathered_q);
        always @(*) if (past_q && (valid_q || phase_q != {PHASE_BITS{1'b0}})) assert (word_q == gathered_q);
        always @(*) if (past_q && phase_q != {PHASE_BITS{1'b0}}) assert (word_q >> (phase_q * IN_WIDTH) == 0);
        always @(*) if (past_q && valid_q) assert (phase_q == {PHASE_BITS{1'b0}});
        always @(posedge clk) if (past_q && !$past(rst) && $past(narrow && ends_q)) assert (valid_q);
`endif
      end
    end
  endgenerate

endmodule

`default_nettype wire
