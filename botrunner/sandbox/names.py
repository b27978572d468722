"""Words from which communities and people get their names; none is anybody's."""

COMMUNITIES = (
    "Night Owls",
    "Cobblestone Café",
    "Speedrun Society",
    "The Study Hall",
    "Tabletop Tavern",
    "Pixel Orchard",
    "Low Tide Raiders",
    "Open Mic Collective",
    "Sunday Cyclists",
    "Retro Handheld Club",
    "Language Exchange",
    "Moonbase Builders",
    "The Knitting Circle",
    "Ranked and Relaxed",
    "Indie Dev Commons",
    "Chess After Dark",
)
ROOM_NAMES = (
    "Lounge",
    "Chill",
    "Gaming 1",
    "Gaming 2",
    "Raid",
    "Study with me",
    "Music",
    "Movie night",
    "Focus",
    "Language table",
)
GIVEN_NAMES = (
    "Ada", "Amir", "Anouk", "Bela", "Bruno", "Carla", "Chidi", "Dana", "Dmitri", "Elif",
    "Emeka", "Esme", "Farah", "Finn", "Freya", "Goran", "Hana", "Hugo", "Ines", "Ivo",
    "Jana", "Jonas", "Kai", "Kamala", "Lars", "Leila", "Linh", "Luca", "Maja", "Malik",
    "Mateo", "Mei", "Mina", "Nadia", "Niko", "Noor", "Olga", "Omar", "Paula", "Pavel",
    "Priya", "Quinn", "Rafael", "Rosa", "Sami", "Selma", "Sven", "Tara", "Tomás", "Uma",
    "Vera", "Viktor", "Wanda", "Xavi", "Yara", "Yuki", "Zahra", "Zeno",
)  # fmt: skip
USERNAME_HEADS = (
    "amber", "arctic", "brisk", "cobalt", "copper", "cosmic", "dusty", "ember", "fable",
    "feral", "frost", "gentle", "glass", "hollow", "ivory", "jade", "lunar", "maple",
    "mellow", "misty", "neon", "nimble", "north", "opal", "paper", "pepper", "quiet",
    "rapid", "river", "rusty", "salty", "silver", "sleepy", "solar", "stormy", "sunny",
    "tidal", "velvet", "violet", "wild",
)  # fmt: skip
USERNAME_TAILS = (
    "badger", "beacon", "bishop", "biscuit", "bramble", "cactus", "comet", "crane",
    "dumpling", "falcon", "fern", "ferret", "fox", "gecko", "harbor", "heron", "kettle",
    "lantern", "lynx", "magpie", "marten", "moth", "noodle", "otter", "owl", "panda",
    "pebble", "pine", "pixel", "puffin", "quill", "raven", "robin", "sparrow", "tapir",
    "teapot", "thistle", "walrus", "willow", "wren",
)  # fmt: skip
NICK_TAILS = (" (EU)", " | away", " the Brave", " 2.0", "_dev", " ★")
HELPER_BOTS = ("Jukebox", "Gatekeeper", "Quizmaster")
