//! Agents at the provider: create, find, update, delete.
//!
//! ElevenLabs has no idempotency key: after an unknown outcome, the agent is found by its tag.
//!
//! ElevenLabs' list hides archived agents by default. An agent that somebody archived still exists, so every search reads both
//! lists; an update takes the agent out of the archive.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Rejection, Voice, VoiceAgent, VoiceError, profile};
use crate::domain::{Agent, AgentId};
use crate::provider::{Effect, Method};

/// A longer list counts as a loop of pages.
const MOST_PAGES: usize = 1000;

#[derive(Deserialize)]
struct Created {
    agent_id: String,
}

#[derive(Deserialize)]
struct Page {
    agents: Vec<Listed>,
    next_cursor: Option<String>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct Listed {
    agent_id: String,
    #[serde(default)]
    name: String,
    tags: Option<Vec<String>>,
    #[serde(default)]
    archived: bool,
}

/// The parts of an agent that are compared with the request: the provider accepts unknown values and ignores them.
#[derive(Deserialize)]
struct StoredAgent {
    #[serde(default)]
    name: String,
    conversation_config: Value,
    #[serde(default)]
    platform_settings: Value,
    tags: Option<Vec<String>>,
}

impl Voice {
    /// Creates the agent with telephone audio and our tag, and returns the provider's id. The agent is read back: callers could
    /// not hear one with other audio, so it is deleted and reported as rejected.
    ///
    /// # Errors
    /// [`VoiceError`]. After an unknown outcome, look for the agent with [`Self::find`].
    pub async fn create_agent(&self, agent: &Agent) -> Result<String, VoiceError> {
        let request = self.request(Method::POST, &["agents", "create"]).json(&profile::new_agent(agent));
        let created: Created = self.ask(request, Effect::Writes).await?;
        // The agent exists by now: whatever the class of a failed read, a rejection would claim that nothing was done.
        let stored = self.read(&created.agent_id).await.map_err(|error| VoiceError::OutcomeUnknown {
            reason: format!("created, but not read back: {error}"),
        })?;
        if let Err(unfit) = stored.check_telephone_audio() {
            self.delete_agent(&created.agent_id).await.map_err(|error| VoiceError::OutcomeUnknown {
                reason: format!("{unfit}, and not deleted: {error}"),
            })?;
            // Only now is it certain that nothing was left behind, as a rejection states.
            return Err(unfit);
        }
        Ok(created.agent_id)
    }

    /// Finds the provider's agents with our id in their tags: usually one or none, more if a creation was repeated.
    ///
    /// # Errors
    /// [`VoiceError`], but never `Rejected`.
    pub async fn find(&self, agent: AgentId) -> Result<Vec<VoiceAgent>, VoiceError> {
        self.tagged(&profile::tag(agent)).await.map_err(VoiceError::of_search)
    }

    /// Lists all agents that carry our tag.
    ///
    /// # Errors
    /// [`VoiceError`]; never a partial list.
    pub async fn ours(&self) -> Result<Vec<VoiceAgent>, VoiceError> {
        self.tagged(profile::OURS).await
    }

    /// Lists the agents with this tag, archived or not, each once.
    async fn tagged(&self, tag: &str) -> Result<Vec<VoiceAgent>, VoiceError> {
        // In this order, an agent that is archived between the two lists is in both, not in neither.
        let mut found = self.list(tag, false).await?;
        found.extend(self.list(tag, true).await?);
        // A caller that deletes surplus agents must not meet one agent twice.
        let mut ids = HashSet::new();
        found.retain(|agent| ids.insert(agent.voice_agent_id.clone()));
        Ok(found)
    }

    async fn list(&self, tag: &str, archived: bool) -> Result<Vec<VoiceAgent>, VoiceError> {
        let mut found = Vec::new();
        let mut cursor = None::<String>;
        for _ in 0..MOST_PAGES {
            // 100 is the largest page that ElevenLabs accepts.
            let mut query = vec![
                ("tags", tag.to_owned()),
                ("archived", archived.to_string()),
                ("page_size", "100".to_owned()),
            ];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let request = self.request(Method::GET, &["agents"]).query(&query);
            let page: Page = self.ask(request, Effect::Reads).await?;
            found.extend(page.agents.into_iter().filter_map(|listed| listed.tagged(tag)));
            cursor = page.next_cursor.filter(|cursor| page.has_more && !cursor.is_empty());
            match (&cursor, page.has_more) {
                (Some(_), _) => {}
                (None, false) => return Ok(found),
                // Taken for the end of the list, this would make the agents of later pages look deleted.
                (None, true) => {
                    return Err(VoiceError::unavailable("its list of agents is incomplete"));
                }
            }
        }
        Err(VoiceError::unavailable("its list of agents has too many pages"))
    }

    /// Fetches the agent with this id, archived or not; `None` if it does not exist.
    ///
    /// # Errors
    /// [`VoiceError`]; an agent that does not exist is no error.
    pub async fn fetch(&self, voice_agent_id: &str) -> Result<Option<VoiceAgent>, VoiceError> {
        let stored = match self.read(voice_agent_id).await {
            Err(VoiceError::Rejected(Rejection::NotFound)) => return Ok(None),
            stored => stored?,
        };
        Ok(Some(VoiceAgent {
            voice_agent_id: voice_agent_id.to_owned(),
            name: stored.name,
            tags: stored.tags.unwrap_or_default(),
            archived: stored.platform_settings["archived"] == true,
        }))
    }

    /// Updates the provider's agent from ours. Tags set by others stay.
    ///
    /// # Errors
    /// [`VoiceError`]; safe to repeat.
    pub async fn update_agent(&self, voice_agent_id: &str, agent: &Agent) -> Result<(), VoiceError> {
        let id = checked(voice_agent_id)?;
        // The provider replaces the whole list of tags.
        let mut tags = self.read(id).await?.tags.unwrap_or_default();
        for tag in profile::tags(agent.id) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        let mut body = profile::enforced_settings(agent);
        body["tags"] = json!(tags);
        let request = self.request(Method::PATCH, &["agents", id]).json(&body);
        self.ask::<StoredAgent>(request, Effect::Writes).await?.check_telephone_audio()
    }

    /// Deletes an agent. An agent that is already gone counts as deleted.
    ///
    /// # Errors
    /// [`VoiceError`]; safe to repeat.
    pub async fn delete_agent(&self, voice_agent_id: &str) -> Result<(), VoiceError> {
        let request = self.request(Method::DELETE, &["agents", checked(voice_agent_id)?]);
        // Not read as JSON: ElevenLabs answers a deletion with an empty body, or with 204.
        match self.send(&self.agents, request, Effect::Writes).await {
            Ok(_) | Err(VoiceError::Rejected(Rejection::NotFound)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, voice_agent_id: &str) -> Result<StoredAgent, VoiceError> {
        self.ask(self.request(Method::GET, &["agents", checked(voice_agent_id)?]), Effect::Reads).await
    }
}

impl Listed {
    /// Compares the tags again, because the provider does not document how it matches them.
    fn tagged(self, tag: &str) -> Option<VoiceAgent> {
        let tags = self.tags.unwrap_or_default();
        let ours = tags.iter().any(|of| of == tag);
        ours.then_some(VoiceAgent {
            voice_agent_id: self.agent_id,
            name: self.name,
            tags,
            archived: self.archived,
        })
    }
}

impl StoredAgent {
    fn check_telephone_audio(&self) -> Result<(), VoiceError> {
        let hears = &self.conversation_config["asr"]["user_input_audio_format"];
        let speaks = &self.conversation_config["tts"]["agent_output_audio_format"];
        if hears == profile::TELEPHONE_AUDIO && speaks == profile::TELEPHONE_AUDIO {
            return Ok(());
        }
        Err(VoiceError::rejected(
            200,
            format!("the agent was stored without telephone audio: {hears} and {speaks}"),
        ))
    }
}

/// Returns an agent's id if it is valid as a path segment. An invalid id is rejected, not "not found": a deletion would believe
/// that the agent is gone.
fn checked(id: &str) -> Result<&str, VoiceError> {
    let fits = (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if fits { Ok(id) } else { Err(VoiceError::rejected(422, "invalid agent id")) }
}
