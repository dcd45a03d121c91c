// SPDX-License-Identifier: MIT OR Apache-2.0
// Clears the lanes of a vector's last beat that hold no element. Latency 0: valid, ready and data pass through.
`default_nettype none

module lane_mask #(
    parameter BITS   = 8,                  // bits of one element
    parameter LANES  = 4,                  // elements per beat
    parameter LENGTH = 10                  // elements of one vector
) (
    input  wire                  clk,      // clock
    input  wire                  rst,      // synchronous reset, active high
    input  wire                  s_valid,  // input beat offered
    output wire                  s_ready,  // input beat accepted
    input  wire [LANES*BITS-1:0] s_data,   // input beat
    output wire                  m_valid,  // output beat offered
    input  wire                  m_ready,  // output beat accepted
    output wire [LANES*BITS-1:0] m_data    // output beat
);

  localparam BEATS = (LENGTH + LANES - 1) / LANES;
  localparam TAIL  = LENGTH - (BEATS - 1) * LANES;          // elements of the last beat

  wire at_end;

  loop_counter #(.LENGTH(BEATS)) u_beat (.clk(clk), .rst(rst), .step(s_valid && m_ready), .at_end(at_end));

  assign s_ready = m_ready;
  assign m_valid = s_valid;
  assign m_data[TAIL*BITS-1:0] = s_data[TAIL*BITS-1:0];

  generate
    if (TAIL < LANES) begin : g_tail
      assign m_data[LANES*BITS-1:TAIL*BITS] = s_data[LANES*BITS-1:TAIL*BITS] & {(LANES - TAIL) * BITS{!at_end}};
    end
  endgenerate

endmodule

`default_nettype wire
