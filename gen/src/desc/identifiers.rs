//! Which names a network and its layers may have.

use crate::error::Error;

/// Words that Verilog-2005 keeps for itself.
const KEYWORDS: &str = " always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config \
    deassign default defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule \
    endprimitive endspecify endtable endtask event for force forever fork function generate genvar highz0 highz1 \
    if ifnone incdir include initial inout input instance integer join large liblist library localparam \
    macromodule medium module nand negedge nmos nor noshowcancelled not notif0 notif1 or output parameter pmos \
    posedge primitive pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg \
    release repeat rnmos rpmos rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam \
    strong0 strong1 supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg \
    unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor ";

/// Words that SystemVerilog keeps as well; no module may be called so.
const SYSTEM_KEYWORDS: &str = " accept_on alias always_comb \
    always_ff always_latch assert assume before bind bins binsof bit break byte chandle checker class clocking \
    const constraint context continue cover covergroup coverpoint cross dist do endchecker endclass endclocking \
    endgroup endinterface endpackage endprogram endproperty endsequence enum eventually expect export extends \
    extern final first_match foreach forkjoin global iff ignore_bins illegal_bins implements implies import \
    inside int interconnect interface intersect join_any join_none let local logic longint matches modport \
    nettype new nexttime null package packed priority program property protected pure rand randc randcase \
    randsequence ref reject_on restrict return s_always s_eventually s_nexttime s_until s_until_with sequence \
    shortint shortreal soft solve static string strong struct super sync_accept_on sync_reject_on tagged this \
    throughout timeprecision timeunit type typedef union unique unique0 until until_with untyped var virtual \
    void wait_order weak wildcard with within ";

/// What is wrong with the name of a network, which becomes that of a module.
pub(crate) fn module_fault(name: &str) -> Option<Error> {
    let is_keyword = SYSTEM_KEYWORDS.contains(&format!(" {name} "));
    name_fault(name).or_else(|| is_keyword.then(|| keyword(name)))
}

/// What is wrong with the name of a layer or an input.
pub(super) fn name_fault(name: &str) -> Option<Error> {
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|letter| letter.is_ascii_lowercase());
    let goes_on =
        letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if !starts || !goes_on || name.len() > 64 {
        let error = Error::input(format!("found the name `{}`", name.chars().take(80).collect::<String>()));
        return Some(
            error.mend("a name is a lower-case letter, then lower-case letters, digits and _; 64 at most"),
        );
    }
    KEYWORDS.contains(&format!(" {name} ")).then(|| keyword(name))
}

fn keyword(name: &str) -> Error {
    Error::input(format!("found the name `{name}`, a word of Verilog")).mend("choose another name")
}

/// Whether a layer's name with this ending is that of an inner step.
pub(super) fn is_inner(ending: &str) -> bool {
    let operand = ending.strip_prefix("_in").map(|rest| rest.strip_suffix("_left").unwrap_or(rest));
    let operand = operand.or(ending.strip_prefix("_buffer"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    ending == "_acc" || ending == "_pre" || operand.is_some_and(is_number)
}
