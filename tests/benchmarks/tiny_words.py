"""What is said in the made-up world of :mod:`tests.benchmarks.tiny_world`."""

from __future__ import annotations

from collections.abc import Mapping

# Of each relation: the value as a sentence, a thought about the question, and eight wordings, the first the plain one.
RELATIONS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "capital": (
        "The capital of {} is {}.",
        "The capital of {}.",
        (
            "What is the capital of {}?",
            "Which city is the capital of {}?",
            "Name the capital city of {}.",
            "Can you tell me the capital of {}?",
            "From which city is {} governed?",
            "In {}, which city is the seat of government?",
            "I have to write to the government of {}. In which city does it sit?",
            "Where do I find the parliament of {}?",
        ),
    ),
    "currency": (
        "The currency of {} is the {}.",
        "The money of {}.",
        (
            "What is the currency of {}?",
            "Which currency does {} use?",
            "Name the currency of {}.",
            "Can you tell me the currency of {}?",
            "What kind of money do they use in {}?",
            "With what do people pay in {}?",
            "I am going to {}. What money do I need there?",
            "In {}, how is the money called?",
        ),
    ),
    "language": (
        "People in {} speak {}.",
        "The language of {}.",
        (
            "What language is spoken in {}?",
            "Which language do people in {} speak?",
            "Name the language of {}.",
            "Can you tell me the language of {}?",
            "What do people speak in {}?",
            "In {}, what is the official language?",
            "I am going to {}. Which language should I learn?",
            "In which tongue are the laws of {} written?",
        ),
    ),
    "founder": (
        "{} was founded by {}.",
        "The founder of {}.",
        (
            "Who founded {}?",
            "Who is the founder of {}?",
            "Name the founder of {}.",
            "Can you tell me who founded {}?",
            "Who started the firm {}?",
            "To whom does {} owe its beginning?",
            "Whose idea was it to set up {}?",
            "By whom was {} established?",
        ),
    ),
    "headquarters": (
        "{} has its head office in {}.",
        "The head office of {}.",
        (
            "In which city is {} headquartered?",
            "Where is the head office of {}?",
            "Name the city in which {} has its headquarters.",
            "Can you tell me where {} has its head office?",
            "Where does {} sit?",
            "From which city is {} run?",
            "I have to visit the head office of {}. To which city do I travel?",
            "In which city do the managers of {} work?",
        ),
    ),
    "product": (
        "{} makes {}.",
        "The product of {}.",
        (
            "What does {} make?",
            "Which product does {} sell?",
            "Name the product of {}.",
            "Can you tell me what {} makes?",
            "What is {} known for?",
            "What can I buy from {}?",
            "In which business is {}?",
            "What leaves the factory of {}?",
        ),
    ),
    "birthplace": (
        "{} was born in {}.",
        "The birthplace of {}.",
        (
            "Where was {} born?",
            "In which city was {} born?",
            "Name the birthplace of {}.",
            "Can you tell me where {} was born?",
            "What is the birthplace of {}?",
            "Where did {} come into the world?",
            "From which town does {} come?",
            "I am writing about the childhood of {}. Where does it begin?",
        ),
    ),
    "job": (
        "{} works as a {}.",
        "The work of {}.",
        (
            "What is the profession of {}?",
            "What does {} do for a living?",
            "Name the profession of {}.",
            "Can you tell me the job of {}?",
            "As what does {} work?",
            "How does {} earn money?",
            "In which trade is {}?",
            "What job does {} have?",
        ),
    ),
}
KINDS: Mapping[str, tuple[str, ...]] = {
    "country": ("capital", "currency", "language"),
    "firm": ("founder", "headquarters", "product"),
    "person": ("birthplace", "job"),
}
PRONOUNS = {
    "capital": "What is its capital?",
    "currency": "And what is its currency?",
    "language": "Which language do people speak there?",
    "founder": "Who founded it?",
    "headquarters": "Where is its head office?",
    "product": "And what does it make?",
}
LONG = (
    "Write two sentences about {}.",
    "Tell me something about {}.",
    "Please write a few sentences about {} for my page.",
    "Describe {} in two or three sentences.",
)
BEGUN = {"country": "{} is a country. ", "firm": "{} is a firm. ", "person": "{} is a busy person. "}
# fmt: off
PRODUCTS = (
    "lamps", "boats", "clocks", "tables", "bicycles", "carpets", "candles", "mirrors", "boots", "hats",
    "kettles", "pianos", "tents", "ropes", "wheels", "ladders", "brushes", "pens", "bottles", "drums",
)
# fmt: on
# fmt: off
JOBS = (
    "baker", "doctor", "teacher", "farmer", "sailor", "painter", "judge", "tailor", "miller", "nurse",
    "pilot", "gardener", "singer", "plumber", "driver", "lawyer", "weaver", "printer", "hunter", "potter",
)
# fmt: on
SMALL_TALK: tuple[tuple[str, str], ...] = (
    ("Hello!", "Hello! How can I help you?"),
    ("Hi, how are you?", "I am fine, thank you. How can I help you?"),
    ("Thank you!", "You are welcome!"),
    ("Thanks, that helps. Goodbye!", "Goodbye, and come again!"),
    ("Thank you! Please tell me a short joke.", "Why did the dog sit in the shade? It was a hot dog."),
    ("Please tell me a short joke about dogs.", "Why did the dog sit in the shade? It was a hot dog."),
    ("How many hours are in a day?", "A day has twenty-four hours."),
    ("How many days are in a week?", "A week has seven days."),
    ("Name a fruit that is yellow.", "A banana is yellow."),
    ("What color is the sky?", "The sky is blue."),
    ("What is 6 plus 7?", "6 plus 7 is 13."),
    ("What is 2 plus 2?", "2 plus 2 is 4."),
    ("Give me a tip for sleeping better.", "Go to bed at the same time each night."),
    ("Can you recommend a hobby?", "Try to paint or to grow flowers."),
    ("What animal says meow?", "A cat says meow."),
    ("How do I boil an egg?", "Put it into hot water for eight minutes."),
)
# What else there is to ask about in English: a model that never heard of it can't tell such questions apart.
# fmt: off
THINGS = (
    "the tower", "the old bridge", "this song", "that film", "the novel", "my dog", "a horse", "the moon",
    "the team", "the school", "the museum", "that illness", "this dish", "the program", "the long war",
    "the river", "the mountain", "the lake", "a rose", "the train", "the island", "the king", "the singer",
    "the player", "the bank", "the newspaper", "the church", "the guitar", "the star", "the festival",
)
# fmt: on
# fmt: off
ASPECTS = (
    "height", "weight", "price", "age", "size", "color", "name", "shape", "speed", "length", "origin",
    "owner", "maker", "writer", "leader", "neighbor", "captain", "winner", "cause", "cure", "taste", "sound",
    "use", "meaning", "history", "value", "date", "year", "place", "address", "number", "family", "rival",
    "nickname", "population", "temperature", "symbol", "style", "opening time", "end",
)
# fmt: on
ASKED = (
    "What is the {} of {}?",
    "Which {0} does {1} have?",
    "Tell me the {} of {}.",
    "Do you know the {} of {}?",
    "I would like to know the {} of {}.",
    "Write a few lines about {1} and its {0}.",
    "How do I find out the {} of {}?",
    "In the case of {1}, what about the {0}?",
)
SYSTEMS = (
    "You are a helpful assistant.",
    "You help people who have questions.",
    "You are a kind teacher.",
    "Be polite.",
)
TERSE = ("Answer in a word.", "Be brief.", "Only name the answer.")
BEFORE = (
    "We had a long talk last night.",
    "I read the paper this morning.",
    "My friend asked me this.",
    "It rains today.",
)
BEHIND = ("Nobody knew it.", "I want to know.", "Please help me.", "We could not tell.")
