//! The agent's instructions, with a default, and text made safe for the provider's templates.

use crate::domain::Agent;

/// Returns the agent's instructions, or by default those of a receptionist who takes messages and gives no advice.
pub(super) fn instructions(agent: &Agent) -> String {
    match &agent.prompt {
        Some(prompt) => plain(prompt.as_str()),
        None => plain(&receptionist(agent)),
    }
}

fn receptionist(agent: &Agent) -> String {
    let (name, language) = (&agent.name, agent.language.name());
    format!(
        "You are the receptionist of {name} and answer its telephone. Speak {language}; when the caller \
         speaks another language that you know, go over to it. You are on the telephone: speak in short, \
         friendly sentences, ask one question at a time, and read numbers and times out loud slowly.\n\n\
         Find out why the person calls. Take a message: the name, a telephone number for calling back, and \
         the matter in a few words; then repeat these back and have them confirmed. Say that the office will \
         get back to the caller. Do not promise appointments, prices or times that you were not told, and \
         say so when you do not know something.\n\n\
         Give no medical, legal or financial advice. If somebody may be in danger, tell the caller to hang up \
         and call the local emergency number at once. When the matter is settled, say goodbye and end the call."
    )
}

/// Breaks up every `{{`. The provider reads it as the beginning of a variable, and a variable without a value ends the call
/// right after it is answered. We set no variables, so the text must not contain any.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        // The text is spoken, or read by a model: a space changes nothing for either.
        if c == '{' && plain.ends_with('{') {
            plain.push(' ');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_survives_and_other_braces_do() {
        for text in ["{{name}}", "{{{x}}}", "a{{", "{{{{"] {
            assert!(!plain(text).contains("{{"), "{text}");
            assert_eq!(plain(text).replace(' ', ""), text);
        }
        assert_eq!(plain("{\"a\": {}} {x}"), "{\"a\": {}} {x}");
    }
}
