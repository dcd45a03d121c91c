// SPDX-License-Identifier: MIT OR Apache-2.0
// A circuit that hands its frames on, through two beats of buffer, and goes wrong in the way that fault.hex says.
`default_nettype none

module passthrough #(
    parameter WIDTH = 72,                  // bits of one beat
    parameter BEATS = 6                    // beats of one frame
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire [WIDTH-1:0] s_axis_tdata,  // input beat
    input  wire             s_axis_tvalid, // input beat offered
    output wire             s_axis_tready, // input beat accepted
    input  wire             s_axis_tlast,  // last beat of a frame
    output wire [WIDTH-1:0] m_axis_tdata,  // output beat
    output wire             m_axis_tvalid, // output beat offered
    input  wire             m_axis_tready, // output beat accepted
    output wire             m_axis_tlast,  // last beat of a frame
    output wire             frame_error,   // a frame had the wrong length
    output wire             probe_flat_valid, // the buffer's output, between the stages
    output wire             probe_flat_ready,
    output wire [WIDTH-1:0] probe_flat_data
);

  localparam FLIP = 1, DROP = 2, DUPLICATE = 3, HANG = 4, FALL = 5, CHANGE = 6, UNMARKED = 7, KEEP = 8, BLIND = 9;

  reg [7:0] fault [0:0];
  initial $readmemh("./fault.hex", fault);

  reg [WIDTH-1:0] beat_q [0:1];
  reg [1:0]       count_q;                 // beats in the buffer
  reg             write_q, read_q;         // their places
  reg [7:0]       taken_q, given_q;        // beat of the frame on either side
  reg [15:0]      total_q;                 // beats taken since reset, which the faults wait for
  reg [15:0]      shown_q;                 // beats given since reset
  reg             again_q;                 // the beat that is given twice was given once
  reg             fill_q, drop_q, error_q; // completing a short frame, skipping the surplus of a long one

  wire hang   = fault[0] == HANG && total_q >= 40;
  wire room   = count_q != 2 && !hang;
  wire offer  = fill_q || (s_axis_tvalid && !drop_q);
  wire take   = room && offer;
  wire lose   = fault[0] == DROP && total_q == 40;
  wire flip   = fault[0] == FLIP && shown_q == 41;
  wire again  = fault[0] == DUPLICATE && shown_q == 41 && !again_q;
  wire give   = m_axis_tvalid && m_axis_tready && !again;
  wire at_end = taken_q == BEATS - 1;
  wire last   = given_q == BEATS - 1;

  assign s_axis_tready = drop_q || (room && !fill_q);
  assign m_axis_tvalid = count_q != 0 && !(fault[0] == FALL && odd_q);
  assign m_axis_tdata  = beat_q[read_q] ^ {{WIDTH-1{1'b0}}, flip || (fault[0] == CHANGE && odd_q)};
  assign m_axis_tlast  = last && !(fault[0] == UNMARKED && shown_q >= 40);
  assign frame_error   = error_q && fault[0] != BLIND;

  assign probe_flat_valid = m_axis_tvalid;
  assign probe_flat_ready = m_axis_tready && !again;
  assign probe_flat_data  = m_axis_tdata;

  reg odd_q;                               // every other cycle
  initial {odd_q, given_q} = 0;
  always @(posedge clk) odd_q <= !odd_q;

  always @(posedge clk) begin
    if (take) begin
      beat_q[write_q] <= fill_q ? {WIDTH{1'b0}} : s_axis_tdata;
      total_q <= total_q + 1;
      taken_q <= at_end ? 0 : taken_q + 1;
      fill_q  <= !at_end && (fill_q || s_axis_tlast);
      if (!fill_q && at_end && !s_axis_tlast) drop_q <= 1'b1;
      if (!fill_q && at_end != s_axis_tlast) error_q <= 1'b1;
      if (!lose) write_q <= !write_q;
    end
    if (drop_q && s_axis_tvalid && s_axis_tlast) drop_q <= 1'b0;
    if (m_axis_tvalid && m_axis_tready) begin
      given_q <= last ? 0 : given_q + 1;
      shown_q <= shown_q + 1;
      again_q <= again;
    end
    if (give) read_q <= !read_q;
    count_q <= count_q + {1'b0, take && !lose} - {1'b0, give};
    if (rst) begin
      count_q <= 0;
      write_q <= 0;
      read_q  <= 0;
      taken_q <= 0;
      given_q <= fault[0] == KEEP ? given_q : 0;
      total_q <= 0;
      shown_q <= 0;
      again_q <= 0;
      fill_q  <= 0;
      drop_q  <= 0;
      error_q <= 0;
    end
  end

endmodule

`default_nettype wire
