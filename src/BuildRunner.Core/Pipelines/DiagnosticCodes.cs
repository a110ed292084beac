namespace BuildRunner.Core.Pipelines;

/// <summary>The stable codes of <see cref="Diagnostic"/>. A code keeps its meaning for ever; one that is no longer used is not given out again.
/// Each has a title in <see cref="DiagnosticTitles"/>.</summary>
public static class DiagnosticCodes
{
    /// <summary>The file is larger than 256 KiB.</summary>
    public const string FileTooLarge = "BR1001";

    /// <summary>The file is not UTF-8 text, or holds a NUL, also one that is written as <c>\0</c>.</summary>
    public const string NotText = "BR1002";

    /// <summary>The file is not YAML.</summary>
    public const string Syntax = "BR1003";

    /// <summary>The file holds a second document.</summary>
    public const string SecondDocument = "BR1004";

    /// <summary>Lists and mappings are nested too deeply.</summary>
    public const string TooDeep = "BR1005";

    /// <summary>The file has too many nodes, aliases written out.</summary>
    public const string TooManyNodes = "BR1006";

    /// <summary>An alias refers to nothing, or to what it is part of.</summary>
    public const string BadAlias = "BR1007";

    /// <summary>A key occurs twice in one mapping.</summary>
    public const string DuplicateKey = "BR1008";

    /// <summary>A YAML tag that pipelines do not have.</summary>
    public const string UnknownTag = "BR1009";

    /// <summary>A merge key (<c>&lt;&lt;</c>) whose value cannot be merged.</summary>
    public const string BadMerge = "BR1010";

    /// <summary>A key that is not text.</summary>
    public const string KeyIsNotText = "BR1011";

    /// <summary>The file holds nothing, or is not a mapping.</summary>
    public const string NotAPipeline = "BR1012";

    /// <summary>A key that does not exist there.</summary>
    public const string UnknownKey = "BR1020";

    /// <summary>A value of the wrong kind: a list where text is expected, and the like.</summary>
    public const string WrongKind = "BR1021";

    /// <summary>A value that is none of those that are allowed.</summary>
    public const string NotAChoice = "BR1022";

    /// <summary>A number outside its range.</summary>
    public const string OutOfRange = "BR1023";

    /// <summary>A duration that cannot be read.</summary>
    public const string BadDuration = "BR1024";

    /// <summary>A size that cannot be read.</summary>
    public const string BadSize = "BR1025";

    /// <summary>A glob pattern that cannot be read.</summary>
    public const string BadGlob = "BR1026";

    /// <summary>An expression that cannot be read or evaluated.</summary>
    public const string BadExpression = "BR1027";

    /// <summary>A substitution that cannot be read.</summary>
    public const string BadSubstitution = "BR1028";

    /// <summary>A key that is required is absent.</summary>
    public const string MissingKey = "BR1029";

    /// <summary>A value that must not be empty is empty.</summary>
    public const string Empty = "BR1030";

    /// <summary>A name with characters it cannot have.</summary>
    public const string BadName = "BR1031";

    /// <summary>A value that cannot be used, for the reason the message gives.</summary>
    public const string BadValue = "BR1032";

    /// <summary>A name that is used twice.</summary>
    public const string DuplicateName = "BR1040";

    /// <summary>A dependency on something that does not exist.</summary>
    public const string UnknownDependency = "BR1041";

    /// <summary>Dependencies that form a circle.</summary>
    public const string Cycle = "BR1042";

    /// <summary>Keys that exclude each other.</summary>
    public const string Conflict = "BR1043";

    /// <summary>Too many steps in a workflow.</summary>
    public const string TooManySteps = "BR1045";

    /// <summary>Too many cells in a matrix.</summary>
    public const string TooManyCells = "BR1046";

    /// <summary>A matrix without cells.</summary>
    public const string NoCells = "BR1047";

    /// <summary>A reference to an output of a step that cannot have ended.</summary>
    public const string UnknownOutput = "BR1048";

    /// <summary>Event data in a script for a program that is no shell.</summary>
    public const string UnsafeScript = "BR1049";

    /// <summary>An input without a value, with a wrong one, or that does not exist.</summary>
    public const string BadInput = "BR1050";

    /// <summary>A value that is longer than an environment variable can be.</summary>
    public const string TooLong = "BR1051";

    /// <summary>A default that its input does not take.</summary>
    public const string BadDefault = "BR1052";

    /// <summary>A form that still works and should be replaced.</summary>
    public const string Deprecated = "BR1101";

    /// <summary>A key that is read and does nothing yet.</summary>
    public const string NoEffect = "BR1102";

    /// <summary>A workflow depends on one that does not exist, and is left out.</summary>
    public const string UnknownWorkflow = "BR1103";

    /// <summary>A name that is used twice and was made unique.</summary>
    public const string NameMadeUnique = "BR1105";

    /// <summary>A value that replaces a built-in variable.</summary>
    public const string BuiltInReplaced = "BR1106";

    /// <summary>A substitution of a name that nothing defines.</summary>
    public const string UnknownVariable = "BR1107";

    /// <summary>Conditions of one list of which some name no event, and hold for every one.</summary>
    public const string EveryEvent = "BR1108";

    /// <summary>A step of a run names a secret that it would not get. Said by a server when it makes the run; the step ends with an error if that is still so when its turn comes.</summary>
    public const string SecretMissing = "BR1109";

    /// <summary>There are more problems than are shown.</summary>
    public const string TooManyProblems = "BR1199";
}
