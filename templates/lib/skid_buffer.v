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

endmodule

`default_nettype wire
