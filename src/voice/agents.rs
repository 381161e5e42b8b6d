//! Agents at the provider: create, find, update, delete.
//!
//! ElevenLabs has no idempotency key: after an unknown outcome, the agent is found by its tag.
//!
//! ElevenLabs' list hides archived agents by default. An agent that somebody archived still exists, so every search reads both
//! lists; an update takes the agent out of the archive.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::profile::Profile;
use super::{Rejection, Voice, VoiceAgent, VoiceError, profile};
use crate::domain::{Agent, AgentId, AgentMessaging};
use crate::provider::{Effect, Method};

/// A longer list counts as a loop of pages.
const MOST_PAGES: usize = 1000;
/// Agents that a reconciliation reads at the same time.
const READ_AT_ONCE: usize = 4;

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
#[derive(Debug, Clone, Deserialize)]
struct StoredAgent {
    #[serde(default)]
    name: String,
    conversation_config: Value,
    #[serde(default)]
    platform_settings: Value,
    tags: Option<Vec<String>>,
}

/// An agent that was created at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedAgent {
    /// The provider's id of the agent.
    pub voice_agent_id: String,
    /// Why the agent lacks the tool `opt_out`, which an update adds; `None` if it lacks nothing.
    pub lacks_tool: Option<VoiceError>,
}

impl Voice {
    /// Creates the agent with telephone audio and our tag. The agent is read back: callers could not hear one with other audio, so it
    /// is deleted and reported as rejected.
    ///
    /// # Errors
    /// [`VoiceError`]. After an unknown outcome, look for the agent with [`Self::find`].
    pub async fn create_agent(&self, agent: &Agent) -> Result<CreatedAgent, VoiceError> {
        let mut body = profile::new_agent(agent);
        let tools = self.tools_for(agent).await;
        if let Some(Ok(tools)) = &tools {
            body.set_tool_ids(tools.get(..1).unwrap_or_default());
        }
        let mut lacks_tool = tools.and_then(Result::err);
        let mut created = self.post_agent(&body).await;
        // The agent may be refused only because the tool is gone.
        if let Err(refused @ VoiceError::Rejected(_)) = &created
            && body.unset_tool_ids()
        {
            self.forget_opt_out_tools().await;
            lacks_tool = Some(refused.clone());
            created = self.post_agent(&body).await;
        }
        let created = created?;
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
        Ok(CreatedAgent { voice_agent_id: created.agent_id, lacks_tool })
    }

    async fn post_agent(&self, body: &Profile) -> Result<Created, VoiceError> {
        self.ask(self.request(Method::POST, &["agents", "create"]).json(&body.0), Effect::Writes).await
    }

    /// The tools `opt_out`, for an agent that answers texts.
    async fn tools_for(&self, agent: &Agent) -> Option<Result<Arc<[String]>, VoiceError>> {
        if agent.messaging != AgentMessaging::Agent {
            return None;
        }
        Some(self.opt_out_tools().await)
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

    /// Updates the provider's agent from ours. Tags and tools set by others stay. Returns why the agent lacks the tool `opt_out`
    /// if it does: then everything else is there.
    ///
    /// # Errors
    /// [`VoiceError`]; safe to repeat.
    pub async fn update_agent(
        &self,
        voice_agent_id: &str,
        agent: &Agent,
    ) -> Result<Option<VoiceError>, VoiceError> {
        let id = checked(voice_agent_id)?;
        let stored = self.read(id).await?;
        // The provider replaces whole lists.
        let mut tags = stored.tags.clone().unwrap_or_default();
        for tag in profile::tags(agent.id) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        let mut body = profile::enforced_settings(agent);
        body.0["tags"] = json!(tags);
        let tools = self.tools_for(agent).await;
        if let Some(Ok(tools)) = &tools
            && !stored.has_one_of(tools)
        {
            let ids = stored.tool_ids().chain(tools.iter().take(1).map(String::as_str));
            body.set_tool_ids(&ids.map(Into::into).collect::<Vec<_>>());
        }
        let mut lacks_tool = tools.and_then(Result::err);
        if lacks_tool.is_some() && stored.covers(&body) {
            // Each update is a new version of the agent.
            return Ok(lacks_tool);
        }
        let mut updated = self.patch_agent(id, &body).await;
        // The update may be refused only because the tool is gone.
        if let Err(refused @ VoiceError::Rejected(_)) = &updated
            && body.unset_tool_ids()
        {
            self.forget_opt_out_tools().await;
            lacks_tool = Some(refused.clone());
            if stored.covers(&body) {
                return Ok(lacks_tool);
            }
            updated = self.patch_agent(id, &body).await;
        }
        updated?.check_telephone_audio()?;
        Ok(lacks_tool)
    }

    async fn patch_agent(&self, id: &str, body: &Profile) -> Result<StoredAgent, VoiceError> {
        self.ask(self.request(Method::PATCH, &["agents", id]).json(&body.0), Effect::Writes).await
    }

    /// Which of these agents lack the tool `opt_out`. An agent that cannot be read is left out.
    ///
    /// # Errors
    /// [`VoiceError`] if the tools cannot be listed.
    pub async fn without_opt_out(&self, voice_agent_ids: &[&str]) -> Result<Vec<String>, VoiceError> {
        if voice_agent_ids.is_empty() {
            return Ok(Vec::new());
        }
        let tools = self.refresh_opt_out_tools().await?;
        let mut lacking = Vec::new();
        for ids in voice_agent_ids.chunks(READ_AT_ONCE) {
            let read = join_all(ids.iter().map(|id| self.read(id))).await;
            let lacks =
                |stored: Result<StoredAgent, _>| stored.is_ok_and(|stored| !stored.has_one_of(&tools));
            let found = ids.iter().zip(read).filter_map(|(id, stored)| lacks(stored).then_some(*id));
            lacking.extend(found.map(str::to_owned));
        }
        Ok(lacking)
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
    fn tool_ids(&self) -> impl Iterator<Item = &str> {
        let ids = self.conversation_config["agent"]["prompt"]["tool_ids"].as_array();
        ids.into_iter().flatten().filter_map(Value::as_str)
    }

    fn has_one_of(&self, tools: &[String]) -> bool {
        self.tool_ids().any(|id| tools.iter().any(|tool| tool == id))
    }

    /// Whether an update by this profile would change nothing.
    fn covers(&self, wanted: &Profile) -> bool {
        let stored = json!({
            "name": self.name, "tags": self.tags, "conversation_config": self.conversation_config,
            "platform_settings": self.platform_settings,
        });
        profile::covers(&stored, &wanted.0)
    }

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
