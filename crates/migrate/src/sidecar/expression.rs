//! The expressions that say whether a script runs.

/// The truth of `true`, `false`, `A==B`, `A!=B` and what `&&`, `||` and parentheses make of these. `||` binds more strongly
/// than `&&`, and what does not matter any more is not looked at, as in Flyway.
pub(super) fn evaluate(expression: &str) -> Result<bool, &'static str> {
    let mut flat = expression.to_owned();
    // Each round takes one pair of parentheses away.
    while let Some(close) = flat.find(')') {
        let open = flat[..close].rfind('(').ok_or("a `)` has no `(`")?;
        let truth = if evaluate_flat(&flat[open + 1..close])? { "true" } else { "false" };
        flat.replace_range(open..=close, truth);
    }
    if flat.contains('(') { Err("a `(` has no `)`") } else { evaluate_flat(&flat) }
}

fn evaluate_flat(expression: &str) -> Result<bool, &'static str> {
    for all in expression.split("&&") {
        if !evaluate_any(all)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn evaluate_any(expression: &str) -> Result<bool, &'static str> {
    for any in expression.split("||") {
        if evaluate_comparison(any)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn evaluate_comparison(expression: &str) -> Result<bool, &'static str> {
    let expression = expression.trim();
    if expression.eq_ignore_ascii_case("true") {
        return Ok(true);
    }
    if expression.eq_ignore_ascii_case("false") {
        return Ok(false);
    }
    for (operator, truth) in [("!=", false), ("==", true)] {
        let Some((left, right)) = expression.split_once(operator) else { continue };
        if right.contains(operator) || right.trim().is_empty() {
            return Err("a comparison has not two sides");
        }
        return Ok((left.trim() == right.trim()) == truth);
    }
    Err("a part of it is neither true nor false nor a comparison")
}
